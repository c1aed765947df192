"""The Data place, with real keys: what a person sees of the data, and what is written about it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, TextArea

from core.data import load_overlay, load_splits
from core.data.freeze import freeze_path
from core.workspace import Workspace
from tests.tui.screens.waiting import OpenApp, screen_text, text_of, until
from tui.app import CompilotApp
from tui.panes.data.table import TablePane
from tui.settings import Settings
from tui.widgets.paged_table import RowTable


def rows_of(pilot: Pilot[None]) -> RowTable:
    return pilot.app.screen.query_one("#rows", RowTable)


def lines_of(pilot: Pilot[None]) -> list[str]:
    """The rows on screen, without the header."""
    return [line for line in text_of(rows_of(pilot)).splitlines()[1:] if line.strip()]


def number_of(pilot: Pilot[None]) -> int | None:
    return pilot.app.screen.query_one(TablePane).number


def state_of(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(TablePane).border_subtitle)


def said(pilot: Pilot[None]) -> str:
    """The passing remarks so far: a test's app has no toasts."""
    return "\n".join(note.message for note in pilot.app._notifications)


async def ready(pilot: Pilot[None], parts: bool = True) -> None:
    """Rows are there, and so are their parts."""
    await until(pilot, lambda: pilot.app.screen.query("#rows"))
    wanted = ("train", "val", "test") if parts else ("",)
    await until(pilot, lambda: any(part in line for line in lines_of(pilot) for part in wanted))


async def type_text(pilot: Pilot[None], text: str) -> None:
    for letter in text:
        await pilot.press({" ": "space", "/": "slash", ":": "colon"}.get(letter, letter))


async def test_rows_their_parts_and_the_row_in_full(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await until(pilot, lambda: "264 rows" in state_of(pilot))
        assert "FS-1107" in lines_of(pilot)[0]
        await until(pilot, lambda: "harbour office" in screen_text(pilot))
        await pilot.press("down")
        await until(
            pilot, lambda: "Row 1" in screen_text(pilot) and "refund in writing" in screen_text(pilot)
        )
        await pilot.press("G")
        await until(pilot, lambda: number_of(pilot) == 263)
        await pilot.press("g", "pagedown")
        await until(pilot, lambda: number_of(pilot) == rows_of(pilot).page)


async def test_a_filter_counts_while_it_is_typed_and_escape_takes_it_away(open_app: OpenApp) -> None:
    async with open_app("triage", size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("slash")
        await type_text(pilot, "smoke")
        await until(pilot, lambda: "of 264 rows" in state_of(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "20 of 264 rows" in state_of(pilot) and rows_of(pilot).has_focus)
        await pilot.press("escape")
        await until(pilot, lambda: state_of(pilot) == "264 rows")


async def test_a_filter_of_one_column_and_a_condition(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("slash")
        await type_text(pilot, "urgency:low")
        await pilot.press("enter")
        await until(pilot, lambda: "66 of 264 rows" in state_of(pilot))
        await pilot.press("slash", "ctrl+u")
        await type_text(pilot, "= urgency = 'low' and sentiment = 'neutral'")
        await pilot.press("enter")
        await until(
            pilot,
            lambda: (
                lines_of(pilot)
                and all("low" in line and "neutral" in line for line in lines_of(pilot))
                and "66" not in state_of(pilot)
            ),
        )


async def test_a_wrong_condition_is_told_where_it_was_typed(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        await ready(pilot)
        await pilot.press("slash")
        await type_text(pilot, "= teem = 'it'")
        await pilot.press("enter")
        await until(pilot, lambda: "teem" in screen_text(pilot) and "where" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "360 rows" in state_of(pilot))


async def test_nothing_matches_says_what_to_do(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        await ready(pilot)
        await pilot.press("slash")
        await type_text(pilot, "zzzz")
        await until(pilot, lambda: "No row matches." in screen_text(pilot))


async def test_sorting_goes_up_down_and_back(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("right", "right", "s")
        await until(pilot, lambda: "by urgency ↑" in state_of(pilot) and "high" in lines_of(pilot)[0])
        await pilot.press("s")
        await until(pilot, lambda: "by urgency ↓" in state_of(pilot) and "medium" in lines_of(pilot)[0])
        await pilot.press("s")
        await until(pilot, lambda: state_of(pilot) == "264 rows" and "FS-1107" in lines_of(pilot)[0])


async def test_jumping_to_a_row_and_to_one_that_is_not_there(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("colon")
        await type_text(pilot, "200")
        await pilot.press("enter")
        await until(pilot, lambda: number_of(pilot) == 200)
        await pilot.press("colon")
        await type_text(pilot, "9000")
        await pilot.press("enter")
        await until(pilot, lambda: "rows go to 263" in said(pilot))
        assert number_of(pilot) == 200


async def test_finding_walks_through_the_matches_in_both_directions(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("f")
        await type_text(pilot, "gas")
        await pilot.press("enter")
        await until(pilot, lambda: "1 of " in state_of(pilot) and "gas" in state_of(pilot))
        first = number_of(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "2 of " in state_of(pilot))
        assert number_of(pilot) != first
        await pilot.press("N")
        await until(pilot, lambda: number_of(pilot) == first)
        await pilot.press("f")
        await type_text(pilot, "qqqq")
        await pilot.press("enter")
        await until(pilot, lambda: "nothing found: qqqq" in said(pilot))


async def test_a_finding_leads_to_its_rows(open_app: OpenApp) -> None:
    async with open_app("router", size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "repeat an earlier row" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "1 of 2" in state_of(pilot))
        first = number_of(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "2 of 2" in state_of(pilot))
        assert number_of(pilot) not in (None, first)


async def test_the_profile_shows_columns_and_balance(open_app: OpenApp) -> None:
    async with open_app("triage", size=(160, 48)) as pilot:
        await ready(pilot)
        await until(pilot, lambda: "264 rows: train 106, val 53, test 105" in screen_text(pilot))
        await until(pilot, lambda: "━━━" in screen_text(pilot))
        await until(pilot, lambda: "103   39 %" in screen_text(pilot))


async def test_editing_a_label_is_seen_kept_and_taken_back(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("right", "right", "e")
        await until(pilot, lambda: "urgency of row 0" in screen_text(pilot))
        assert isinstance(pilot.app.focused, OptionList)
        await pilot.press("g", "home", "enter")  # high
        await until(pilot, lambda: "high" in lines_of(pilot)[0] and "*" in lines_of(pilot)[0])
        await until(pilot, lambda: "was  low" in screen_text(pilot))
        workspace = Workspace.open(tmp_path / "triage")
        assert [edit.values for edit in load_overlay(workspace.state_dir).edits.values()] == [
            {"urgency": "high"}
        ]
        assert '"low"' in (workspace.root / "messages.jsonl").read_text().splitlines()[0]
        await pilot.press("u")
        await until(pilot, lambda: "low" in lines_of(pilot)[0] and "*" not in lines_of(pilot)[0])
        assert load_overlay(workspace.state_dir).edits == {}


async def test_a_long_text_and_a_list_are_edited(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("right", "e")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextArea))
        await type_text(pilot, "Please. ")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Please. To whom" in lines_of(pilot)[0])
        await pilot.press("end", "e")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press("ctrl+u")
        await type_text(pilot, "nothing")
        await pilot.press("enter")
        await until(pilot, lambda: "not a list" in screen_text(pilot))
        await pilot.press("ctrl+u")
        await type_text(pilot, '["hazard"]')
        await pilot.press("enter")
        await until(pilot, lambda: "hazard" in lines_of(pilot)[0])
        edits = load_overlay(tmp_path / "triage" / ".compilot").edits
        assert [edit.values["categories"] for edit in edits.values()] == [["hazard"]]


async def test_excluding_a_row_takes_it_out_of_every_part(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("x")
        await until(pilot, lambda: lines_of(pilot)[0].startswith("x") and "test" not in lines_of(pilot)[0])
        workspace = Workspace.open(tmp_path / "triage")
        splits = load_splits(workspace.recipe().data, workspace.root, workspace.state_dir, freeze=False)
        assert sum(len(splits.part(part)) for part in ("train", "val", "test")) == 263
        await pilot.press("x")
        await until(pilot, lambda: not lines_of(pilot)[0].startswith("x"))


async def test_a_note_and_reverting_it(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("a")
        await type_text(pilot, "ask legal")
        await pilot.press("enter")
        await until(pilot, lambda: "note  ask legal" in screen_text(pilot))
        await pilot.press("d")
        await until(pilot, lambda: "Take back every edit" in screen_text(pilot))
        await pilot.press("y")
        await until(pilot, lambda: "ask legal" not in screen_text(pilot))


async def test_a_split_is_seen_before_it_is_saved_and_frozen(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("router", size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "not frozen yet" in screen_text(pilot))
        await until(pilot, lambda: "180" in screen_text(pilot))
        await pilot.press("ctrl+u")
        await type_text(pilot, "60 %")
        await until(pilot, lambda: "add up to more than the whole" in screen_text(pilot))
        await pilot.press("tab", "ctrl+u")
        await type_text(pilot, "12")
        await until(pilot, lambda: "unsaved" in screen_text(pilot) and " 12 " in screen_text(pilot))
        workspace = Workspace.open(tmp_path / "router")
        assert workspace.recipe().data.split.train == 0.5
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "frozen · " in screen_text(pilot))
        spec = workspace.recipe().data
        assert (spec.split.train, spec.split.val, spec.split.test) == (0.6, 12, 0.3)
        assert freeze_path(spec, workspace.state_dir).exists()
        assert "# What it learns from" in workspace.config_path.read_text()
        await pilot.press("tab", "tab", "tab", "tab", "d")
        await until(pilot, lambda: "Forget the frozen split" in screen_text(pilot))
        await pilot.press("y")
        await until(pilot, lambda: not freeze_path(spec, workspace.state_dir).exists())


async def test_a_wrong_seed_is_told_and_not_saved(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("router") as pilot:
        await ready(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "not frozen yet" in screen_text(pilot))
        await pilot.press("tab", "tab", "tab", "x", "ctrl+s")
        await until(pilot, lambda: "the seed cannot be" in screen_text(pilot))
        assert Workspace.open(tmp_path / "router").recipe().data.split.seed == 0


async def test_roles_are_given_by_key_and_saved_with_comments_kept(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("c")
        await until(pilot, lambda: "1 input, 3 labels" in screen_text(pilot))
        await pilot.press("j", "j", "i", "j", "x")
        await until(pilot, lambda: "2 inputs, 1 label · unsaved" in screen_text(pilot))
        await pilot.press("s")
        await until(pilot, lambda: "unsaved" not in screen_text(pilot))
        workspace = Workspace.open(tmp_path / "triage")
        spec = workspace.recipe().data
        assert spec.inputs == ("message", "urgency")
        assert spec.labels == ("categories",)
        assert "# What it learns from" in workspace.config_path.read_text()


async def test_another_file_is_opened_and_its_roles_are_guesses(open_app: OpenApp, tmp_path: Path) -> None:
    Workspace.init_sample("router", tmp_path / "router")
    lines = ["question,label", *(f"what is {n}?,{'ab'[n % 2]}" for n in range(30))]
    (tmp_path / "router" / "other.csv").write_text("\n".join(lines))
    async with open_app("router") as pilot:
        await ready(pilot)
        await pilot.press("o")
        await until(pilot, lambda: "other.csv" in screen_text(pilot))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "what is 7?" in screen_text(pilot))
        await pilot.press("c")
        await until(pilot, lambda: "Guessed" in screen_text(pilot))
        await pilot.press("x", "escape", "e")
        await pilot.pause()
        assert load_overlay(tmp_path / "router" / ".compilot").edits == {}


async def test_the_view_is_exported_as_it_is_seen(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("x")
        await until(pilot, lambda: lines_of(pilot)[0].startswith("x"))
        await pilot.press("slash")
        await type_text(pilot, "urgency:low")
        await pilot.press("enter", "s")
        await until(pilot, lambda: "by id" in state_of(pilot) and "66 of 264" in state_of(pilot))
        await pilot.press("w")
        await until(pilot, lambda: "Write 66 rows to" in screen_text(pilot))
        await pilot.press("ctrl+u")
        await type_text(pilot, "low.jsonl")
        await pilot.press("enter")
        path = tmp_path / "triage" / "low.jsonl"
        await until(pilot, lambda: "65 rows" in said(pilot))
        written = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(written) == 65
        assert {row["urgency"] for row in written} == {"low"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"PAR1 not parquet", "its content is parquet"),
        (b"\x1f\x8b\x08broken", "its content is gzip"),
    ],
)
async def test_a_file_that_cannot_be_read_is_told_and_the_rest_works(
    open_app: OpenApp, tmp_path: Path, content: bytes, told: str
) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    (workspace.root / "good.csv").write_text("a,b\n1,2\n")
    (workspace.root / "messages.jsonl").write_bytes(content)
    async with open_app("router") as pilot:
        await until(pilot, lambda: told in screen_text(pilot))
        await until(pilot, lambda: "where" in screen_text(pilot))
        await pilot.press("o")
        await until(pilot, lambda: "good.csv" in screen_text(pilot))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "1 row" in state_of(pilot))


async def test_wrong_column_names_are_told_beside_the_rows(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    text = workspace.config_path.read_text().replace('inputs = ["message"]', 'inputs = ["mesage"]')
    workspace.config_path.write_text(text)
    async with open_app("router", size=(160, 48)) as pilot:
        await until(pilot, lambda: "HD-2041" in screen_text(pilot))
        await until(pilot, lambda: "there is no column 'mesage'" in screen_text(pilot))
        await until(pilot, lambda: "did you mean message?" in screen_text(pilot))


async def test_no_data_section_is_told_with_its_fix(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    text = workspace.config_path.read_text()
    workspace.config_path.write_text(text[: text.index("[data]")] + text[text.index("# What counts") :])
    async with open_app("router") as pilot:
        await until(pilot, lambda: "[data]" in screen_text(pilot) and "fix" in screen_text(pilot))


async def test_a_section_that_contradicts_itself_is_told(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    text = workspace.config_path.read_text().replace("[data]", '[data]\ntrain = "messages.jsonl"')
    workspace.config_path.write_text(text)
    async with open_app("router", size=(160, 48)) as pilot:
        await until(pilot, lambda: "nothing to split" in text_of(pilot.app.screen.query_one("#trouble")))
        await pilot.press("v", "ctrl+s")
        await pilot.pause()
        assert pilot.app.is_running


async def test_parts_that_are_files_of_their_own(open_app: OpenApp) -> None:
    async with open_app("pipeline7") as pilot:
        await ready(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "the parts are files of their own" in screen_text(pilot))
        await pilot.press("escape", "o")
        await until(pilot, lambda: "test.jsonl" in screen_text(pilot))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "12 rows" in state_of(pilot) and "val" in lines_of(pilot)[0])


async def test_code_that_makes_data_waits_for_trust(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    (workspace.root / "examples.py").write_text(
        "open('ran', 'w').close()\nrows = [{'message': 'hi', 'team': 'it'}] * 3\n"
    )
    text = workspace.config_path.read_text().replace('"messages.jsonl"', '"examples.py:rows"')
    workspace.config_path.write_text(text)
    async with open_app("router", trusted=False) as pilot:
        await pilot.pause(0.3)
        assert not (workspace.root / "ran").exists()
        await pilot.press("n")
        await until(pilot, lambda: "may not run" in screen_text(pilot))
        assert not (workspace.root / "ran").exists()


async def test_hostile_text_stays_text(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    hostile = [
        "\x1b]0;X\x07",
        "\x1b[2J\x9b31m",
        "[@click=app.quit]x[/]",
        "[/nope] [bold",
        "a\u202eb\u2066c\u2028d\u0085e\u200bf\U000e0041",
        "e" + "\u0301" * 500,
        "long " * 40_000,
        "\x00\x7f\r\b",
    ]
    rows = [{"id": text, "message": text, "team": text, "[/x]\x1b[2J": 1} for text in hostile]
    (workspace.root / "messages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    async with open_app("router", size=(160, 48)) as pilot:
        await ready(pilot)
        for key in ("enter", "escape", "p", "escape", "c", "escape", "v", "escape"):
            await pilot.press(key)
            await pilot.pause()
        for _ in hostile:
            await pilot.press("down")
            await pilot.pause()
            text = screen_text(pilot)
            assert not any(letter in text for letter in "\x1b\x07\x9b\u202e\u2066\u2028\x85\u200b\x00\x7f\b")
        await until(pilot, lambda: "[/nope] [bold" in screen_text(pilot))
        assert pilot.app.is_running


async def test_narrow_shows_one_pane_at_a_time(open_app: OpenApp) -> None:
    async with open_app("triage", size=(80, 24)) as pilot:
        await ready(pilot)
        assert not pilot.app.screen.query_one("#side").is_on_screen
        await pilot.press("enter")
        await until(pilot, lambda: "harbour office" in screen_text(pilot) and not rows_of(pilot).is_on_screen)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "refund in writing" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: rows_of(pilot).has_focus and rows_of(pilot).is_on_screen)


async def test_copying_gives_the_whole_cell(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        await pilot.press("right")
        await until(pilot, lambda: "harbour office" in screen_text(pilot))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.clipboard.startswith("To whom it may concern"))
        assert pilot.app.clipboard.endswith("next month would do.")


async def test_it_goes_to_a_row_and_reads_changed_data_again(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("triage") as pilot:
        await pilot.app.go("data", row=150)  # type: ignore[attr-defined]
        await until(pilot, lambda: number_of(pilot) == 150)
        with (tmp_path / "triage" / "messages.jsonl").open("a") as file:
            file.write('{"id": "FS-9999", "message": "late", "urgency": "low"}\n')
        await pilot.press("ctrl+r")
        await until(pilot, lambda: state_of(pilot) == "265 rows")


async def test_a_file_that_is_there_again_is_no_problem_any_more(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app("triage") as pilot:
        await ready(pilot)
        file = tmp_path / "triage" / "messages.jsonl"
        file.rename(file.with_suffix(".bak"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "no such file" in screen_text(pilot))
        file.with_suffix(".bak").rename(file)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "no such file" not in screen_text(pilot))
        assert state_of(pilot) == "264 rows"


async def test_a_table_out_of_sight_does_not_scroll_sideways(open_app: OpenApp) -> None:
    async with open_app("triage", size=(80, 24)) as pilot:
        await ready(pilot)
        header = next(line for line in screen_text(pilot).splitlines() if "message" in line and "id" in line)
        await pilot.press("end", "c", "space", "s")
        await until(pilot, lambda: "2 inputs, 3 labels ─" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: header in screen_text(pilot).splitlines())


async def test_a_key_that_comes_while_the_place_opens_is_typed_into_no_field(tmp_path: Path) -> None:
    app = CompilotApp(Workspace.init_sample("router", tmp_path / "w").root, Settings(theme="dark"))
    focused: list[object] = []
    async with app.run_test() as pilot:
        while not (found := app.screen.query(RowTable)) or found.first().line is None:
            focused.append(app.focused)
            await asyncio.sleep(0)
        await until(pilot, lambda: app.places)
        app.workers.cancel_all()
    assert not any(isinstance(one, Input) for one in focused)
