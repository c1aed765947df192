import pytest

from core.errors import CompilotError, DataError, RunError


@pytest.mark.parametrize("kind", [CompilotError, DataError, RunError])
def test_an_error_of_another_process_comes_back_as_it_was(kind):
    told = CompilotError.from_dict(kind("no rows", where="rows.csv", fix="add some").to_dict())
    assert type(told) is kind
    assert told.lines() == ["no rows", "where: rows.csv", "fix: add some"]


@pytest.mark.parametrize("name", ["StopRun", "Literal", "_rebuild", "Unheard", ""])
def test_an_unknown_kind_is_an_error_all_the_same(name):
    told = CompilotError.from_dict({"error": name, "what": "no rows"})
    assert type(told) is CompilotError
    assert told.lines() == ["no rows"]
