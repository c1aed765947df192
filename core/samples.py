"""Ready workspaces to start from: list them, copy one."""

from __future__ import annotations

import difflib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from .errors import WorkspaceError

CONFIG_NAME = "compilot.toml"
_IGNORED = {"__pycache__", ".compilot"}


def sample_names() -> tuple[str, ...]:
    """Names of the sample workspaces, sorted."""
    folder = _samples_folder()
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{CONFIG_NAME}")))


def describe_samples() -> dict[str, str]:
    """One line on each sample: the first paragraph of its README."""
    return {name: _first_paragraph(_samples_folder() / name / "README.md") for name in sample_names()}


def copy_sample(name: str, destination: Path) -> tuple[Path, ...]:
    """Copy a sample workspace into a folder, made when missing, and return the files written.

    Nothing that stands there is written over; a copy that fails part way is taken back.
    Raises WorkspaceError: no such sample, one of its files stands there, the folder cannot be written.
    """
    source = _find_sample(name)
    files = _files_of(source)
    try:
        _refuse_taken(name, files, destination)
        return _copy_files(source, files, destination)
    except OSError as error:
        raise WorkspaceError(
            f"The sample '{name}' cannot be copied: {error.strerror or error}.",
            where=str(error.filename or destination),
            fix="choose a folder that you may write to, on a disk with room",
        ) from error


def _refuse_taken(name: str, files: list[Path], destination: Path) -> None:
    if destination.exists() and not destination.is_dir():
        raise WorkspaceError(
            "A file stands where the folder should be.",
            where=str(destination),
            fix="choose another folder, or move the file away first",
        )
    taken = [file for file in files if os.path.lexists(destination / file)]
    if taken:
        raise WorkspaceError(
            f"The sample '{name}' would write over {_listed(taken)}.",
            where=str(destination),
            fix="choose an empty folder, or move these files away first",
        )


def _samples_folder() -> Path:
    """Inside the package when installed from a wheel, beside it in the source tree."""
    package = Path(__file__).resolve().parent
    for folder in (package / "sample_data", package.parent / "sample_data"):
        if folder.is_dir():
            return folder
    raise WorkspaceError(
        "The sample workspaces are missing from this installation.",
        where=str(package / "sample_data"),
        fix="install compilot again",
    )


def _find_sample(name: str) -> Path:
    names = sample_names()
    if name in names:
        return _samples_folder() / name
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    raise WorkspaceError(
        f"There is no sample '{name}'.",
        where=f"samples: {', '.join(names)}",
        fix=f"did you mean '{near[0]}'?" if near else "choose one of the samples named above",
    )


def _files_of(source: Path) -> list[Path]:
    """Relative paths of a sample's files, without what using it in place left behind."""
    found = (path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file())
    return [path for path in found if not _IGNORED.intersection(path.parts)]


def _copy_files(source: Path, files: list[Path], destination: Path) -> tuple[Path, ...]:
    made: list[Path] = []
    try:
        for folder in _missing_folders(destination):
            folder.mkdir()
            made.append(folder)
        for file in files:
            target = destination / file
            for folder in _missing_folders(target.parent):
                folder.mkdir()
                made.append(folder)
            with target.open("xb") as out, (source / file).open("rb") as text:
                made.append(target)
                shutil.copyfileobj(text, out)
    except BaseException:
        _take_back(made)
        raise
    return tuple(path for path in made if path.is_file())


def _missing_folders(folder: Path) -> list[Path]:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    return missing[::-1]


def _take_back(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):  # what someone else put there meanwhile stays
            path.rmdir() if path.is_dir() else path.unlink()


def _first_paragraph(readme: Path) -> str:
    blocks = readme.read_text(encoding="utf-8").split("\n\n")
    first = next(block for block in blocks if block.strip() and not block.startswith("#"))
    return " ".join(first.split())


def _listed(files: list[Path], shown: int = 3) -> str:
    names = [str(file) for file in files[:shown]]
    rest = len(files) - shown
    return ", ".join(names) + (f" and {rest} more" if rest > 0 else "")
