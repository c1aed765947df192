import sys

import pytest

from core.programs.imports import ProjectFinder


@pytest.fixture(autouse=True)
def forget_user_modules(tmp_path):
    """Each test imports its own metric: nothing of it stays in this process."""
    yield
    for name, module in list(sys.modules.items()):
        if str(tmp_path) in str(getattr(module, "__file__", None) or ""):
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, ProjectFinder)]
    sys.path_importer_cache.clear()
