"""Makes the user's code importable in a child process, without letting it stand in for a library.

A name in the workspace wins over an installed package, except where that would break somebody else: the
standard library, and the libraries that dspy and Compilot stand on, always win.
"""

from __future__ import annotations

import importlib
import linecache
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

OWN_NAMES = frozenset({"core", "tui"})
"""Our package names; as `compilot_core` we do not need them, so the user's win."""

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?$")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


class ProjectFinder:
    """A meta-path finder for top-level modules that lie in the workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: list[str] = [str(root)]
        self.warnings: tuple[str, ...] = ()
        self.overlay: dict[str, str] = {}
        """Text that stands in for a file's content: what is being edited and not yet saved."""

    def add_folder(self, folder: Path) -> None:
        """Also look in here: a target that lies in no package imports its neighbours by plain name."""
        if str(folder) not in self.folders:
            self.folders.append(str(folder))

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or "." in name or name in sys.stdlib_module_names:
            return None
        spec = PathFinder.find_spec(name, self.folders)
        if spec is None:
            return None
        if spec.origin is not None:
            spec.loader = self.text_loader(name, spec.origin) or spec.loader
        if name in OWN_NAMES:
            return spec
        installed = PathFinder.find_spec(name, None)
        if installed is None:
            return spec
        if spec.loader is None or is_library(name):
            # A plain folder (logs, caches) never hides an installed package.
            return None
        return spec

    def text_loader(self, name: str, path: str) -> SourceFileLoader | None:
        """A loader of the text that stands in for this file, where there is one."""
        text = self.overlay.get(path)
        return None if text is None else _TextLoader(name, path, text)

    def invalidate_caches(self) -> None:
        PathFinder.invalidate_caches()


class _TextLoader(SourceFileLoader):
    """Loads a module from text instead of its file."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_data(self, path: str) -> bytes:
        # Tracebacks quote lines through linecache, which would read the file.
        linecache.cache[path] = (len(self._text), None, self._text.splitlines(keepends=True), path)
        return self._text.encode()

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError("text that is in no file has no compiled form on disk")


def open_project(root: Path) -> ProjectFinder:
    """Let this process import what lies in the workspace; the finder's `warnings` name what it may not.

    Opening the same folder again gives the same finder. Only for child processes: it changes `sys.meta_path`.
    """
    root = root.resolve()
    for finder in sys.meta_path:
        if isinstance(finder, ProjectFinder) and finder.root == root:
            return finder
    finder = ProjectFinder(root)
    finder.warnings = tuple(find_collisions(root))
    sys.meta_path.insert(0, finder)
    importlib.invalidate_caches()
    return finder


def find_collisions(folder: Path) -> Iterator[str]:
    """A warning for each file or package here that cannot be imported, because a library has its name."""
    for name, path in sorted(top_level_names(folder).items()):
        if name in sys.stdlib_module_names:
            owner = "the standard library"
        elif name not in OWN_NAMES and PathFinder.find_spec(name, None) is not None and is_library(name):
            owner = "a library that dspy or Compilot needs"
        else:
            continue
        yield (
            f"{path.name} is not importable as `{name}`: {owner} has that name; "
            "rename it if your code imports it"
        )


def top_level_names(folder: Path) -> dict[str, Path]:
    """Modules and packages that lie directly in the folder, by the name they are imported with."""
    names = {}
    for path in folder.iterdir():
        if path.suffix == ".py" and path.stem.isidentifier() and path.is_file():
            names[path.stem] = path
        elif path.name.isidentifier() and (path / "__init__.py").is_file():
            names[path.name] = path
    return names


def project_files(root: Path) -> list[Path]:
    """Files in the workspace that this process has imported as modules, sorted."""
    root = root.resolve()
    files = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and (path := Path(file).resolve()).is_relative_to(root) and not in_site_packages(path):
            files.add(path)
    return sorted(files)


def in_site_packages(path: Path) -> bool:
    """Whether a file belongs to an installed package (a virtual environment may lie inside the workspace)."""
    return "site-packages" in path.parts or "dist-packages" in path.parts


def is_library(name: str) -> bool:
    """Whether a top-level name belongs to dspy, Compilot or something they depend on."""
    return name in library_names()


@lru_cache(maxsize=1)
def library_names() -> frozenset[str]:
    """Top-level names of what dspy and Compilot need, themselves included; `core` and `tui` are not."""
    names: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    queue: list[tuple[str, frozenset[str]]] = [("compilot", frozenset()), ("dspy", frozenset({"optuna"}))]
    while queue:
        wanted = queue.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            found = distribution(wanted[0])
        except PackageNotFoundError:
            continue
        names |= _top_level(found)
        queue.extend(_requirements(found, wanted[1]))
    return frozenset(names - OWN_NAMES)


def _requirements(found: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """What a distribution requires; a requirement of an extra only when that extra is wanted.

    Other markers are not evaluated: what another platform needs is not installed here and so not found.
    """
    for text in found.requires or ():
        match = _REQUIREMENT.match(text)
        if match is None:
            continue
        name, wanted, marker = match.groups()
        needs = set(_EXTRA.findall(marker or ""))
        if not needs or needs & extras:
            yield name, frozenset(part.strip() for part in (wanted or "").split(",") if part.strip())


def _top_level(found: Distribution) -> set[str]:
    names = set((found.read_text("top_level.txt") or "").split())
    for file in found.files or ():
        first = file.parts[0]
        if len(file.parts) > 1 and first.isidentifier():
            names.add(first)
        elif len(file.parts) == 1 and first.endswith((".py", ".so", ".pyd")):
            names.add(first.partition(".")[0])
    return names
