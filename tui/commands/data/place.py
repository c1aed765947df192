"""Which data a command is about: the workspace's own, or a file of any folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from core.errors import CompilotError, ConfigError

if TYPE_CHECKING:
    from core.recipe import DataSpec
    from core.workspace import Workspace

part_choice = click.Choice(["train", "val", "test"])
file_argument = click.argument("file", required=False)
format_option = click.option(
    "--format",
    "format_",
    metavar="NAME",
    help="Where the name does not tell: csv, tsv, json, jsonl, parquet, arrow, xlsx, python.",
)
encoding_option = click.option(
    "--encoding", metavar="NAME", help="Encoding of a text file that is not UTF-8."
)


class Place(NamedTuple):
    """Where a command works."""

    root: Path
    spec: DataSpec | None
    """The workspace's data section, when the data is the workspace's."""
    state_dir: Path | None
    text: str
    format: str | None
    encoding: str | None


def find_place(
    workspace: Path, file: str | None, format_: str | None = None, encoding: str | None = None
) -> Place:
    """The data that a command is about. Raises `CompilotError` where neither file nor workspace is given."""
    try:
        place = open_workspace(workspace)
    except CompilotError:
        if file is None:
            raise
        return Place(Path.cwd(), None, None, file, format_, encoding)
    spec = read_spec(place)
    if file is None:
        text = spec.path or spec.train or ""
        return Place(
            place.root, spec, place.state_dir, text, format_ or spec.format, encoding or spec.encoding
        )
    own = _names_own_data(place.root, spec, file)
    return Place(
        Path.cwd(),
        spec if own else None,
        place.state_dir,
        file,
        format_ or (spec.format if own else None),
        encoding or (spec.encoding if own else None),
    )


def open_workspace(path: Path) -> Workspace:
    """The workspace, for commands that need one. Raises `WorkspaceError`."""
    from core.workspace import Workspace

    return Workspace.open(path)


def read_spec(workspace: Workspace) -> DataSpec:
    """The data section of compilot.toml. Raises `ConfigError`."""
    from core.settings import parse_settings

    where = str(workspace.config_path)
    spec: DataSpec | None = parse_settings(workspace.settings(), where).get("data")
    if spec is None:
        raise ConfigError("there is no [data] section", where=where, fix='add path = "rows.jsonl"')
    return spec


def _names_own_data(root: Path, spec: DataSpec, file: str) -> bool:
    given = (Path.cwd() / file).resolve()
    return any(
        text and (root / text).resolve() == given for text in (spec.path, spec.train, spec.val, spec.test)
    )
