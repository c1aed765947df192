"""Which data the Data place shows: the workspace's own, or any file. Pure, but for looking into folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from core.data.survey import SurveyJob
from core.errors import CompilotError, ConfigError
from core.recipe import DataSpec
from core.settings import parse_settings
from core.workspace import Workspace

AUTO_BYTES = 8 * 2**20
"""Larger data is profiled when a person asks for it."""
_SUFFIXES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".arrow", ".feather")
_SKIPPED = {"node_modules", "__pycache__", "venv"}
_MOST = 60


class Target(NamedTuple):
    """One file (or glob) to show."""

    text: str
    root: Path
    spec: DataSpec | None = None
    """The workspace's data section, where this file is part of the workspace's data."""
    state_dir: Path | None = None
    format: str | None = None
    encoding: str | None = None

    @property
    def survey_job(self) -> SurveyJob:
        return SurveyJob(
            root=self.root,
            spec=self.spec,
            state_dir=self.state_dir,
            text=self.text,
            format=self.format,
            encoding=self.encoding,
        )


def read_data_spec(workspace: Workspace) -> DataSpec:
    """The data section as compilot.toml has it. Raises `ConfigError`."""
    where = str(workspace.config_path)
    spec: DataSpec | None = parse_settings(workspace.settings(), where).get("data")
    if spec is None:
        raise ConfigError(
            "there is no [data] section", where=where, fix='add [data] with path = "rows.jsonl"'
        )
    return spec


def own_files(spec: DataSpec) -> list[str]:
    """The files of a data section, in the order of the parts."""
    return list(dict.fromkeys(text for text in (spec.path, spec.train, spec.val, spec.test) if text))


def own_target(workspace: Workspace, text: str | None = None) -> Target:
    """The workspace's data (its file `text`, where it has several). Raises `ConfigError`."""
    spec = read_data_spec(workspace)
    files = own_files(spec)
    if not files:
        raise ConfigError(
            "no data file is named", where=str(workspace.config_path), fix="set data.path, or data.train"
        )
    chosen = text if text in files else files[0]
    return Target(chosen, workspace.root, spec, workspace.state_dir, spec.format, spec.encoding)


def find_target(workspace: Workspace | None, root: Path, text: str) -> Target:
    """What a path that a person typed names: the workspace's own file, or another one."""
    if workspace is None:
        return Target(text, root)
    try:
        spec = read_data_spec(workspace)
    except CompilotError:
        return Target(text, root, state_dir=workspace.state_dir)
    wanted = (root / Path(text).expanduser()).resolve()
    for name in own_files(spec):
        if name == text or (root / name).resolve() == wanted:
            return own_target(workspace, name)
    return Target(text, root, state_dir=workspace.state_dir)


def list_data_files(root: Path) -> list[str]:
    """Data files in the folder and one level below, by name; at most sixty."""
    found: list[str] = []
    for folder in (root, *sorted(entry for entry in root.iterdir() if _is_shown(entry) and entry.is_dir())):
        names = sorted(os.listdir(folder)) if os.access(folder, os.R_OK | os.X_OK) else []
        for name in names:
            plain = name.removesuffix(".gz").removesuffix(".zst")
            if plain.endswith(_SUFFIXES) and not name.startswith("."):
                found.append(str((folder / name).relative_to(root)))
    return found[:_MOST]


def _is_shown(entry: Path) -> bool:
    return not entry.name.startswith(".") and entry.name not in _SKIPPED


def changed_fields(old: DataSpec, new: DataSpec) -> dict[str, object]:
    """What to write into the data section so that it says `new`; None removes a name."""
    import msgspec

    before: dict[str, object] = msgspec.to_builtins(old)
    after: dict[str, object] = msgspec.to_builtins(new)
    changes: dict[str, object] = {name: None for name in before if name not in after}
    changes |= {name: value for name, value in after.items() if before.get(name) != value}
    changes.pop("split", None)
    if old.split != new.split:
        # All four: a share that became the default one must not leave the old one standing.
        changes["split"] = {name: getattr(new.split, name) for name in ("train", "val", "test", "seed")}
    return changes
