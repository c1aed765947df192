import importlib
import sys

import pytest

from core.programs.imports import find_collisions, library_names, open_project, project_files


def test_libraries_are_known_through_their_dependencies():
    names = library_names()
    assert {"dspy", "click", "textual", "optuna", "pydantic", "httpx", "msgspec"} <= names
    assert not {"core", "tui", "pytest", "hypothesis", "ruff"} & names


def test_a_name_of_an_installed_package_that_nobody_needs_is_the_users(project):
    root = project(hypothesis_like="X = 1", xdist="X = 'mine'")
    open_project(root)
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "xdist"}
    try:
        assert importlib.import_module("xdist").X == "mine"
        assert [path.name for path in project_files(root)] == ["xdist.py"]
    finally:
        sys.modules.pop("xdist", None)
        sys.modules.update(saved)


def test_a_plain_folder_hides_no_installed_package(project):
    root = project(mlx__notes="")
    (root / "xdist").mkdir()
    (root / "results_of_mine").mkdir()
    finder = open_project(root)
    assert finder.find_spec("xdist") is None
    assert finder.find_spec("results_of_mine") is not None


def test_opening_twice_gives_one_finder(project):
    root = project(a="")
    assert open_project(root) is open_project(root)


@pytest.mark.parametrize("name", ["secrets", "json", "click", "dspy", "pydantic"])
def test_collisions_are_told(project, name):
    (warning,) = find_collisions(project(**{name: "", "fine": ""}))
    assert warning.startswith(f"{name}.py is not importable")


@pytest.mark.parametrize("name", ["core", "tui", "metrics", "program", "data"])
def test_our_own_and_free_names_are_no_collision(project, name):
    assert list(find_collisions(project(**{name: ""}))) == []
