from core.models.journal import Journal
from core.results.score import copy_journal
from tests.core.models.metering import paid


def test_answers_are_replayed_whatever_the_folder_is_called(tmp_path):
    folder = tmp_path / "c#x %41?y"
    folder.mkdir()
    journal = Journal(folder / "journal.sqlite")
    journal.write(paid("a"))
    copy_journal(folder / "journal.sqlite", tmp_path / "copy.sqlite")
    journal.close()
    copy = Journal(tmp_path / "copy.sqlite")
    assert copy.read("a", 0) == paid("a").response
    copy.close()
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, "copy.sqlite"}


def test_a_run_without_a_journal_has_nothing_to_copy(tmp_path):
    copy_journal(tmp_path / "journal.sqlite", tmp_path / "copy.sqlite")
    assert not list(tmp_path.iterdir())
