import sys

import pytest

from core.programs.imports import ProjectFinder


@pytest.fixture(autouse=True)
def forget_user_modules(tmp_path):
    """Each test imports its own user code: nothing of it stays in this process."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        file = str(getattr(sys.modules[name], "__file__", None) or "")
        if str(tmp_path) in file:
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, ProjectFinder)]
    sys.path_importer_cache.clear()


@pytest.fixture
def project(tmp_path):
    """Writes files of a user's project: project(name=text) with __ for / and .py added."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py" if not name.endswith("_init") else "")
            if name.endswith("_init"):
                path = tmp_path / name.removesuffix("_init") / "__init__.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write
