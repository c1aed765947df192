"""The folder of one run: which file holds what. Anyone may read it; only the run's process writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import orjson

from ..errors import RunError
from ..recipe import Recipe
from ..store.atomic import write_atomic
from .process import Owner, is_alive

T = TypeVar("T")
FORMAT_VERSION = 1
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{3,40}")


class Provenance(msgspec.Struct, frozen=True):
    """What a run was made from, to tell at resume whether it is still the same."""

    code: dict[str, str]
    """Workspace file → sha256, for every file that loading the program and the metric imported."""
    data: str
    """Hash of the splits."""
    versions: dict[str, str]

    def changes_to(self, now: Provenance) -> str:
        """What differs, in words; empty where nothing does."""
        names = sorted(self.code.keys() | now.code.keys())
        parts = [name for name in names if self.code.get(name) != now.code.get(name)]
        if self.data != now.data:
            parts.append("the data")
        parts += [
            f"{name} ({self.versions.get(name)} → {version})"
            for name, version in now.versions.items()
            if self.versions.get(name) != version
        ]
        return ", ".join(parts)


class StoredRecipe(msgspec.Struct, frozen=True):
    run_id: str
    workspace: str
    """The folder that the targets of the recipe are relative to."""
    recipe: Recipe
    created: float
    version: int = FORMAT_VERSION


@dataclass(frozen=True)
class RunFolder:
    """Paths and small files of a run."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def lock(self) -> Path:
        return self.path / "run.lock"

    @property
    def control(self) -> Path:
        return self.path / "control.json"

    @property
    def output(self) -> Path:
        return self.path / "out.log"

    @property
    def candidates(self) -> Path:
        return self.path / "candidates"

    @property
    def evaluations(self) -> Path:
        return self.path / "evaluations"

    @property
    def program(self) -> Path:
        """The best program, as plain `MyProgram().load(path)` reads it."""
        return self.path / "program.json"

    def create(self, recipe: Recipe, workspace: Path, created: float) -> None:
        """Make the folder (0700) with its recipe; fails if a run of that id exists."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700)
        except FileExistsError as error:
            raise RunError(
                f"a run named {self.run_id} exists already",
                where=str(self.path),
                fix=f"`compilot runs resume {self.run_id}` goes on with it",
            ) from error
        except OSError as error:
            raise RunError(
                f"the run folder cannot be made: {error.strerror}",
                where=str(self.path),
                fix="make the folder writable, or use another workspace",
            ) from error
        self.candidates.mkdir()
        self.evaluations.mkdir()
        stored = StoredRecipe(self.run_id, str(workspace), recipe, created)
        write_atomic(self.path / "recipe.json", msgspec.json.format(msgspec.json.encode(stored), indent=2))

    def read_recipe(self) -> StoredRecipe:
        return self._read("recipe.json", StoredRecipe)

    def write_owner(self, owner: Owner) -> None:
        write_atomic(self.path / "owner.json", msgspec.json.encode(owner))

    def read_owner(self) -> Owner | None:
        return self._read_if_there("owner.json", Owner)

    def has_process(self) -> bool:
        """Whether the process that owns the run lives. An owner that cannot be read is none."""
        try:
            return is_alive(self.read_owner())
        except RunError:
            return False

    def write_provenance(self, provenance: Provenance) -> None:
        write_atomic(self.path / "provenance.json", msgspec.json.encode(provenance))

    def read_provenance(self) -> Provenance | None:
        return self._read_if_there("provenance.json", Provenance)

    def write_json(self, name: str, value: Any) -> Path:
        """Write one of the folder's JSON files whole, or leave the old one."""
        path = self.path / name
        write_atomic(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
        return path

    def read_json(self, name: str) -> Any | None:
        """The file's value, or None where it does not exist."""
        path = self.path / name
        try:
            return orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except orjson.JSONDecodeError as error:
            raise self._damaged(name, str(error)) from error

    def _read(self, name: str, kind: type[T]) -> T:
        try:
            return msgspec.json.decode((self.path / name).read_bytes(), type=kind)
        except OSError as error:
            raise RunError(
                f"this is no run folder: {name} cannot be read ({error.strerror})",
                where=str(self.path),
                fix="`compilot runs ls` lists the runs of a workspace",
            ) from error
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise self._damaged(name, str(error)) from error

    def _read_if_there(self, name: str, kind: type[T]) -> T | None:
        return self._read(name, kind) if (self.path / name).exists() else None

    def _damaged(self, name: str, detail: str) -> RunError:
        return RunError(
            f"{name} is damaged: {detail}",
            where=str(self.path / name),
            fix="events and candidates beside it are still readable; start a new run",
        )


def check_run_id(run_id: str) -> str:
    """The id itself; refuses anything that could name another place on the disk."""
    if not RUN_ID.fullmatch(run_id):
        raise RunError(
            f"{run_id[:60]!r} is not a run id",
            fix="ids are 4 to 41 lower-case letters, digits and dashes; `compilot runs ls` lists them",
        )
    return run_id
