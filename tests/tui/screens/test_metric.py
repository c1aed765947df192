"""The Metric place: break it, read the finding, mend it, test it; nothing typed is lost. Real keys."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from core.metrics.drafts import keep_draft, read_draft
from core.metrics.source import digest_of
from core.workspace import Workspace
from tests.support.results import make_result_run
from tests.tui.screens.waiting import OpenApp, screen_text, until
from tui.panes.metric.rows_pane import RowsPane
from tui.screens.metric import MetricScreen

TARGET = "metrics.py:routed_right"


def metric_of(pilot: Any) -> MetricScreen:
    screen = pilot.app.places["metric"]
    assert isinstance(screen, MetricScreen)
    return screen


async def go_there(pilot: Any, name: str = "routed_right(") -> MetricScreen:
    await pilot.press("f3")
    await until(pilot, lambda: name in screen_text(pilot))
    return metric_of(pilot)


async def asked(pilot: Any, question: str) -> None:
    """A question with several answers is on screen and takes keys."""
    await until(pilot, lambda: question in screen_text(pilot) and isinstance(pilot.app.focused, OptionList))


async def test_broken_found_mended_and_tested(open_app: OpenApp) -> None:
    async with open_app("triage", size=(160, 48)) as pilot:
        await go_there(pilot, "triage_metric(")
        # The cursor is where the metric is defined; the colon at the end of that line goes.
        await pilot.press("e", "end", "backspace")
        await until(pilot, lambda: "line 6: expected ':'" in screen_text(pilot))
        await until(pilot, lambda: "Findings 1" in screen_text(pilot))
        await pilot.press("ctrl+home", "escape", "r")
        await until(pilot, lambda: "fix  mend the syntax there" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: metric_of(pilot).editor.code.cursor_location[0] == 5)
        await pilot.press("end", ":")
        await until(pilot, lambda: "line 6:" not in screen_text(pilot))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "12 answers of the program" in screen_text(pilot))
        await until(pilot, lambda: not metric_of(pilot).busy)
        await until(pilot, lambda: "Wrong urgency" in screen_text(pilot))
        await until(pilot, lambda: "%" in screen_text(pilot))
        assert metric_of(pilot).score is not None


async def test_an_error_in_the_code_leads_to_its_line(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    make_result_run(Workspace(root))
    path = root / "metrics.py"
    path.write_text(path.read_text().replace("example.team:", "example.teem:"))
    async with open_app("router", size=(160, 48)) as pilot:
        await go_there(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "8 errored" in screen_text(pilot))
        await until(pilot, lambda: "val answers of the best program" in screen_text(pilot))
        await until(pilot, lambda: "AttributeError" in screen_text(pilot))
        await until(pilot, lambda: not metric_of(pilot).busy)
        await pilot.press("n")
        await until(pilot, lambda: metric_of(pilot).editor.code.cursor_location[0] == 8)
        # The edit is scored on the kept answers, unsaved.
        await pilot.press("end", "left", "left", "backspace", "a", "ctrl+g")
        await until(pilot, lambda: "6 right" in screen_text(pilot))
        await until(pilot, lambda: "unsaved" in screen_text(pilot))
        assert "example.teem" in path.read_text()
        await until(pilot, lambda: not metric_of(pilot).busy)


async def test_saving_makes_a_version_that_can_be_restored(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("router", size=(120, 40)) as pilot:
        screen = await go_there(pilot)
        path = tmp_path / "router" / "metrics.py"
        before = path.read_text()
        await pilot.press("e", *"# new", "enter", "ctrl+s")
        await until(pilot, lambda: "saved as version 2" in screen_text(pilot))
        assert path.read_text() == before.replace("def routed", "# new\ndef routed")
        assert not screen.editor.changed
        await pilot.press("escape", "left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: "as it was found" in screen_text(pilot))
        await pilot.press("tab")
        await until(pilot, lambda: screen.focused is not None and screen.focused.id == "versions-list")
        await pilot.press("j")
        await until(pilot, lambda: "-# new" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: screen.text == before)
        assert screen.editor.changed
        await pilot.press("e", "ctrl+z")
        await until(pilot, lambda: "# new" in screen.text)


async def test_typing_survives_leaving_quitting_and_a_crash(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("router", size=(120, 40)) as pilot:
        screen = await go_there(pilot)
        await pilot.press("e", *"# kept", "enter", "f2", "f3")
        await until(pilot, lambda: "# kept" in screen_text(pilot))
        state = tmp_path / "router" / ".compilot"
        await until(pilot, lambda: (draft := read_draft(state, TARGET)) and "# kept" in draft.text)
        await pilot.press("escape", "q")
        await until(pilot, lambda: "edits of metrics.py" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is screen)
    # The app is gone without a save: the edit is offered.
    async with open_app("router", size=(120, 40)) as pilot:
        await pilot.press("f3")
        await asked(pilot, "was not saved")
        await pilot.press("enter")
        await until(pilot, lambda: "# kept" in metric_of(pilot).text)
        assert metric_of(pilot).editor.changed


async def test_an_edit_that_is_not_wanted_becomes_a_version(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    keep_draft(root / ".compilot", TARGET, "# draft of yesterday\n", digest_of(b"another"))
    async with open_app("router", size=(120, 40)) as pilot:
        await pilot.press("f3")
        await asked(pilot, "file was changed since")
        await pilot.press("j", "enter")
        await until(pilot, lambda: read_draft(root / ".compilot", TARGET) is None)
        await until(pilot, lambda: "routed_right(" in screen_text(pilot))
        assert metric_of(pilot).opened.versions[0].text == "# draft of yesterday\n"  # type: ignore[union-attr]


@pytest.mark.parametrize("keep", [True, False])
async def test_another_programs_change_is_asked_about(open_app: OpenApp, tmp_path: Path, keep: bool) -> None:
    async with open_app("router", size=(120, 40)) as pilot:
        screen = await go_there(pilot)
        path = tmp_path / "router" / "metrics.py"
        await pilot.press("e", *"# mine", "enter", "f2")
        other = path.read_text() + "# theirs\n"
        path.write_text(other)
        await pilot.press("f3")
        await asked(pilot, "was changed by another program")
        await pilot.press(*([] if keep else ["j"]), "enter")
        if keep:
            await until(pilot, lambda: pilot.app.screen is screen)
            assert "# mine" in screen.text
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "# mine" in path.read_text())
        else:
            await until(pilot, lambda: screen.text == other)
            assert "# mine" in screen.opened.versions[0].text  # type: ignore[union-attr]


async def test_a_file_that_is_gone_can_be_written_again(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("router", size=(120, 40)) as pilot:
        screen = await go_there(pilot)
        path = tmp_path / "router" / "metrics.py"
        path.unlink()
        await pilot.press("f2", "f3")
        await until(pilot, lambda: "gone from the disk" in screen_text(pilot))
        assert screen.editor.changed
        await pilot.press("ctrl+s")
        await until(pilot, path.exists)


async def test_a_builtin_is_shown_and_copied(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    workspace.write_config({"metric": {"target": "builtin:exact_match"}})
    async with open_app("router", size=(140, 40)) as pilot:
        await pilot.press("f3")
        await until(
            pilot, lambda: "builtin:exact_match" in screen_text(pilot) and "is_equal" in screen_text(pilot)
        )
        screen = metric_of(pilot)
        await pilot.press("e", "x", "escape")
        assert not screen.editor.changed
        await pilot.press("i", *["backspace"] * 20, *"own.py", "enter")
        await until(pilot, lambda: (tmp_path / "router" / "own.py").exists())
        await until(pilot, lambda: screen.opened is not None and screen.opened.spec.target == "own.py:metric")
        assert workspace.recipe().metric.target == "own.py:metric"


async def test_a_past_run_is_rescored_with_the_edit(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    make_result_run(Workspace(root))
    async with open_app("router", size=(160, 48)) as pilot:
        await go_there(pilot)
        await pilot.press("e", "down", "down", "end", "enter", *"return 1.0", "escape", "o")
        await asked(pilot, "Rescore which run?")
        await pilot.press("enter")
        await until(pilot, lambda: "rows changed" in screen_text(pilot))
        await until(pilot, lambda: "6 of 8" in screen_text(pilot))
        await until(pilot, lambda: "100.0 %" in screen_text(pilot))


async def test_hostile_answers_and_feedback_are_only_text(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    (root / "metrics.py").write_text(
        'BAD = "[@click=app.quit]x[/] [/nope] \\x1b]0;X\\x07 \\x1b[2J \\u202e"\n\n\n'
        "def routed_right(example, pred, trace=None):\n"
        "    print(BAD)\n"
        '    return {"score": 0.5, "feedback": BAD * 3}\n'
    )
    async with open_app("router", size=(120, 40)) as pilot:
        await go_there(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "12 partly" in screen_text(pilot))
        await until(pilot, lambda: not metric_of(pilot).busy)
        text = screen_text(pilot)
        await until(pilot, lambda: "[@click=app.quit]x[/] [/nope]" in screen_text(pilot))
        assert not {"\x1b", "\x07", "\u202e"} & set(text)


async def test_a_metric_that_hangs_can_be_cancelled(open_app: OpenApp, tmp_path: Path) -> None:
    root = Workspace.init_sample("router", tmp_path / "router").root
    make_result_run(Workspace(root))
    (root / "metrics.py").write_text(
        "import time\n\n\ndef routed_right(example, pred, trace=None):\n    time.sleep(60)\n    return 1\n"
    )
    async with open_app("router", size=(80, 24)) as pilot:
        await go_there(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "x cancels" in screen_text(pilot))
        await until(pilot, lambda: "Cancel" in screen_text(pilot))
        await pilot.press("x")
        await until(pilot, lambda: not metric_of(pilot).busy)
        await until(pilot, lambda: metric_of(pilot).query_one(RowsPane).rows == [])
        assert "FAIL" not in screen_text(pilot)


async def test_a_template_takes_the_label_and_the_name(open_app: OpenApp) -> None:
    async with open_app("router", size=(120, 40)) as pilot:
        screen = await go_there(pilot)
        await pilot.press("t")
        await asked(pilot, "Which template?")
        await pilot.press("enter")
        await asked(pilot, "Where?")
        await pilot.press("enter")
        await until(pilot, lambda: "example.team == pred.team" in screen.text)
        assert "def routed_right(" in screen.text


async def test_a_metric_that_is_missing_is_told_where_it_is_named(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    workspace.write_config({"metric": {"target": "gone.py:metric"}})
    async with open_app("router", size=(80, 24)) as pilot:
        await pilot.press("f3")
        await until(pilot, lambda: "There is no file 'gone.py'" in screen_text(pilot))
        (workspace.root / "gone.py").write_text("def metric(example, pred):\n    return 1\n")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "def metric(example, pred)" in screen_text(pilot))


async def test_where_there_is_little_room_the_part_in_use_has_it(open_app: OpenApp, tmp_path: Path) -> None:
    make_result_run(Workspace.init_sample("router", tmp_path / "router"))
    async with open_app("router", size=(80, 24)) as pilot:
        screen = await go_there(pilot)
        table, row = screen.query_one("#test-rows"), screen.query_one("#test-row")
        await pilot.press("r")
        await until(pilot, lambda: "of the best program" in screen_text(pilot) and not screen.busy)
        await until(pilot, lambda: table.size.height)
        assert screen.editor.code.size.height > 8
        assert not row.size
        await pilot.press("tab")
        await until(pilot, lambda: table.size.height > 7)
        assert row.size.height > 4
        await until(pilot, lambda: "metrics.py" in screen_text(pilot))
        await pilot.press("e")
        await until(pilot, lambda: screen.editor.code.size.height > 8)
        await until(pilot, lambda: "routed_right(" in screen_text(pilot))
        assert screen.editor.code.scroll_offset.y < 5, "the line of the cursor is not the first one"
        await pilot.resize_terminal(80, 48)
        await pilot.press("escape", "tab")
        await until(pilot, lambda: row.size.height > 4 and screen.editor.code.size.height > 8)


async def test_a_damaged_run_does_not_keep_the_others_from_being_chosen(
    open_app: OpenApp, tmp_path: Path
) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    good = make_result_run(workspace)
    bad = make_result_run(workspace, "261109-100000-simba-bbbb", optimizer="SIMBA")
    (bad / "owner.json").write_text('{"pid": 12')
    async with open_app("router", size=(120, 40)) as pilot:
        await go_there(pilot)
        await pilot.press("a")
        await asked(pilot, "Whose answers are scored?")
        assert good.name in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "Whose answers" not in screen_text(pilot))
        await pilot.press("o")
        await asked(pilot, "Rescore which run?")
        shutil.rmtree(bad)
        await pilot.press("enter")
        await until(pilot, lambda: any("there is no run" in note.title for note in pilot.app._notifications))
