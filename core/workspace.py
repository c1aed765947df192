"""A workspace: a folder with a program, data, a metric and the compilot.toml that names them."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping, MutableMapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from .errors import ConfigError, WorkspaceError
from .recipe import Budget, ModelProfile, Recipe
from .settings import CONFIG_NAME, merge_settings, parse_recipe, parse_settings
from .store import write_atomic

if TYPE_CHECKING:
    from .store import Store

STATE_NAME = ".compilot"

_SYNTAX_FIXES = (
    (r"Invalid value", 'text needs quotes (name = "value"), and true and false are written small'),
    (
        r"Unclosed|Unterminated|Illegal character|Unescaped",
        "close the quote or the bracket that is open there",
    ),
    (r"overwrite|declare|twice|mutate", "the same section or name is there twice: keep one"),
    (r"Expected '='|Invalid statement|key", "write name = value, or [section]"),
    (r"Expected newline or end", "begin a new line for the next name = value"),
)


class Workspace:
    """A folder that Compilot manages. Opening it reads compilot.toml and runs none of its code."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, path: str | os.PathLike[str] = ".") -> Self:
        """The workspace in the folder `path` (or of the compilot.toml at `path`).

        Raises `WorkspaceError` where there is none, `ConfigError` where its TOML cannot be read.
        """
        given = Path(path).expanduser()
        root = (given.parent if given.name == CONFIG_NAME else given).resolve()
        if not root.is_dir():
            raise WorkspaceError(
                "there is no such folder" if not root.exists() else "this is a file, not a folder",
                where=str(root),
                fix="name the folder that holds compilot.toml",
            )
        workspace = cls(root)
        workspace.settings()
        return workspace

    @classmethod
    def init(
        cls, path: str | os.PathLike[str] = ".", program: str | None = None, data: str | None = None
    ) -> Self:
        """Write a compilot.toml from what the folder holds: its source is read, none of it is run.

        Raises `WorkspaceError` when there is one already, or no program or no data to be found.
        """
        from .scaffold import write_config_text

        root = Path(path).expanduser().resolve()
        config = root / CONFIG_NAME
        if not root.is_dir():
            raise WorkspaceError(
                "there is no such folder",
                where=str(root),
                fix="make it with a program and data in it, or add --sample router for a ready one",
            )
        if config.exists():
            raise WorkspaceError(
                f"{CONFIG_NAME} is there already",
                where=str(config),
                fix="edit it, or move it away first",
            )
        text = write_config_text(root, program, data)
        parse_recipe(tomllib.loads(text))
        write_atomic(config, text, mode=0o644)
        return cls(root)

    @classmethod
    def init_sample(cls, name: str, path: str | os.PathLike[str]) -> Self:
        """Copy the sample workspace `name` into `path` and open it. Raises `WorkspaceError`."""
        from .samples import copy_sample

        root = Path(path).expanduser().resolve()
        copy_sample(name, root)
        return cls.open(root)

    @property
    def config_path(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def state_dir(self) -> Path:
        """What the program keeps here; `prepare` makes it."""
        return self.root / STATE_NAME

    @property
    def runs_dir(self) -> Path:
        return self.state_dir / "runs"

    @cached_property
    def store(self) -> Store:
        """What the program remembers here; call `prepare` before the first change."""
        from .store import open_store

        return open_store(self.state_dir / "store.json")

    def prepare(self) -> None:
        """Make the state folder, closed to others and ignored by git. Raises `WorkspaceError`."""
        try:
            self.state_dir.mkdir(mode=0o700, exist_ok=True)
            self.runs_dir.mkdir(mode=0o700, exist_ok=True)
            ignore = self.state_dir / ".gitignore"
            if not ignore.exists():
                write_atomic(ignore, "*\n", mode=0o644)
        except OSError as error:
            raise WorkspaceError(
                f"the workspace cannot keep anything: {error.strerror or error}",
                where=str(self.state_dir),
                fix="make the folder writable, or copy the workspace to one that is",
            ) from error

    def settings(self) -> dict[str, Any]:
        """The content of compilot.toml as it is now."""
        return _parse_toml(self._read_text(), self.config_path)

    def recipe(
        self,
        optimizer: str | None = None,
        params: Mapping[str, Any] | None = None,
        seed: int | None = None,
        budget: Mapping[str, float] | Budget | None = None,
        num_threads: int | None = None,
        models: Mapping[str, str | Mapping[str, Any] | ModelProfile] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Recipe:
        """The recipe of compilot.toml with these changes; raises `ConfigError`.

        Another optimizer than the file's starts from its own defaults, not from the file's params. A model
        is a name, or a table laid over the role's profile. `settings` is any tree of the file's shape.
        """
        given = self.settings()
        chosen = given.get("optimizer")
        if optimizer is not None and isinstance(chosen, Mapping) and chosen.get("name") != optimizer:
            given.pop("optimizer")
        changes = {
            "optimizer": {"name": optimizer} if optimizer is not None else {},
            "run": _given(seed=seed, num_threads=num_threads),
            "budget": _given(**_table(budget)) if budget is not None else {},
            "models": {
                role: {"model": model} if isinstance(model, str) else _table(model)
                for role, model in (models or {}).items()
            },
        }
        merged = merge_settings(given, {name: table for name, table in changes.items() if table})
        merged = merge_settings(merged, settings or {})
        if params:
            section = merged.setdefault("optimizer", {})
            # None is a value here ("no limit"), not the wish to remove a parameter.
            section["params"] = {**section.get("params", {}), **params}
        recipe = parse_recipe(merged, where=str(self.config_path))
        return msgspec.structs.replace(recipe, workspace=str(self.root))

    def write_config(self, changes: Mapping[str, Any]) -> None:
        """Lay `changes` over compilot.toml, keeping its comments and order; None removes a name.

        Nothing is written when the result would not be valid (`ConfigError`) or the file cannot be written.
        """
        import tomlkit
        from filelock import FileLock

        self.prepare()
        with FileLock(self.state_dir / "config.lock", timeout=20, mode=0o600):
            text = self._read_text()
            parse_settings(
                merge_settings(_parse_toml(text, self.config_path), changes), str(self.config_path)
            )
            document = tomlkit.parse(text)
            _lay_over(document, changes)
            # Through a link to the file itself; the permissions stay as the person set them.
            target = self.config_path.resolve()
            write_atomic(target, tomlkit.dumps(document), mode=stat.S_IMODE(target.stat().st_mode))

    def _read_text(self) -> str:
        try:
            return self.config_path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError as error:
            raise WorkspaceError(
                f"there is no {CONFIG_NAME} here, so this is not a workspace",
                where=str(self.root),
                fix="`compilot init` writes one from what it finds; "
                "`compilot init NEW_FOLDER --sample router` makes a ready workspace",
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{CONFIG_NAME} is not UTF-8 text (byte {error.start})",
                where=str(self.config_path),
                fix="save it as UTF-8",
            ) from error
        except OSError as error:
            raise WorkspaceError(
                f"{CONFIG_NAME} cannot be read: {error.strerror}",
                where=str(self.config_path),
                fix="make it a file that you may read",
            ) from error


def _parse_toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", message)
        reason = message[: place.start()] if place else message
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        shown = text.splitlines()[line - 1].strip()[:80] if line <= len(text.splitlines()) else ""
        if not shown and reason == "Invalid value":
            reason = "Unclosed list or table at the end"
        fix = next((fix for pattern, fix in _SYNTAX_FIXES if re.search(pattern, reason)), "mend that line")
        raise ConfigError(
            f"{CONFIG_NAME}, line {line}, is not valid TOML: {reason[0].lower()}{reason[1:]}",
            where=f"{path}:{line}: {shown}" if shown else f"{path}:{line}",
            fix=fix,
        ) from error
    except RecursionError as error:
        raise ConfigError(
            f"{CONFIG_NAME} is nested too deeply", where=str(path), fix="make it flatter"
        ) from error


def _lay_over(document: MutableMapping[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if value is None:
            document.pop(key, None)
        elif isinstance(value, Mapping):
            if not isinstance(document.get(key), MutableMapping):
                document[key] = {}
            _lay_over(document[key], value)
        else:
            document[key] = list(value) if isinstance(value, tuple) else value


def _table(value: Mapping[str, Any] | msgspec.Struct) -> dict[str, Any]:
    """A struct as the table that would be written for it."""
    if isinstance(value, Mapping):
        return dict(value)
    table: dict[str, Any] = msgspec.to_builtins(value)
    return table


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
