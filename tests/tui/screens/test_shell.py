"""The shell: places, help, palette, themes, first start, leaving. Real keys, what a person sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widget import Widget

from core.cost.facts import get_facts
from core.errors import ConfigError
from core.workspace import Workspace
from tests.tui.screens.waiting import OpenApp, screen_text, until
from tui.app import CompilotApp
from tui.palette import binds
from tui.registry import PLACES, SHARED, Command, commands_of
from tui.screens.base import Place
from tui.settings import Settings


async def test_each_key_leads_to_its_place(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        for key, place in enumerate(PLACES, start=1):
            await pilot.press(f"f{key}")
            await until(pilot, lambda place=place: pilot.app.place == place)  # type: ignore[attr-defined]
            await until(pilot, lambda place=place: PLACES[place] in screen_text(pilot))


async def test_the_header_names_the_work(open_app: OpenApp) -> None:
    async with open_app("triage") as pilot:
        await until(pilot, lambda: "FacilityTriage" in screen_text(pilot))
        await until(pilot, lambda: "messages.jsonl" in screen_text(pilot))
        await until(pilot, lambda: "triage_metric" in screen_text(pilot))
        await until(pilot, lambda: "GEPA" in screen_text(pilot))


async def test_the_header_says_what_is_missing_and_which_key_mends_it(
    open_app: OpenApp, tmp_path: Path
) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    (workspace.root / workspace.recipe().data.path).unlink()  # type: ignore[operator]
    async with open_app("router") as pilot:
        await until(pilot, lambda: "data file missing (1)" in screen_text(pilot))


async def test_a_broken_compilot_toml_is_told_on_every_place(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    workspace.config_path.write_text("[program\n")
    async with open_app("router") as pilot:
        for key in range(1, 7):
            await pilot.press(f"f{key}")
            await until(pilot, lambda: "is not valid TOML" in screen_text(pilot))


async def test_help_lists_the_keys_and_filters_them(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "type to filter" in screen_text(pilot))
        await pilot.press(*"palette")
        await until(pilot, lambda: "ctrl+p" in screen_text(pilot) and "Zoom" not in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Place))


async def test_help_begins_with_the_keys_of_the_pane_with_the_focus(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        await until(pilot, lambda: "HD-2041" in screen_text(pilot))
        await pilot.press("c")
        await until(pilot, lambda: "label" in screen_text(pilot) and "Role" in screen_text(pilot))
        await pilot.press("question_mark")
        await until(pilot, lambda: "Data, in this pane" in screen_text(pilot))
        lines = screen_text(pilot).splitlines()
        title = next(number for number, line in enumerate(lines) if "in this pane" in line)
        assert "Next role" in lines[title + 1]


async def test_the_footer_of_a_pane_fits_the_smallest_terminal(open_app: OpenApp) -> None:
    async with open_app("triage", size=(80, 24)) as pilot:
        await until(pilot, lambda: "message" in screen_text(pilot))
        for keys, seen in ((("c",), "i l x d Role"), (("escape", "v", *["tab"] * 5), "^s Save")):
            await pilot.press(*keys)
            await until(
                pilot,
                lambda seen=seen: (
                    seen in screen_text(pilot) and "? Keys  q Quit" in screen_text(pilot).splitlines()[-1]
                ),
            )


async def test_the_palette_tells_keys_that_are_capitals(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "Data: Previous  N" in screen_text(pilot))


async def test_the_palette_does_a_command_of_another_place(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        await pilot.press("ctrl+p")
        await pilot.press(*"App Optimize")
        await until(pilot, lambda: "App: Optimize  4" in screen_text(pilot))
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.place == "optimize")  # type: ignore[attr-defined]


async def test_an_empty_folder_becomes_a_workspace_from_a_sample(open_app: OpenApp) -> None:
    async with open_app(None) as pilot:
        await until(pilot, lambda: "is no workspace yet" in screen_text(pilot))
        options = pilot.app.screen.query_one("#ways")
        while "router" not in str(options.highlighted_option.prompt):  # type: ignore[attr-defined]
            await pilot.press("down")
        await pilot.press("enter")
        await until(pilot, lambda: "Copy the sample" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.place == "data")  # type: ignore[attr-defined]
        assert pilot.app.session.is_workspace  # type: ignore[attr-defined]


async def test_a_theme_is_remembered(open_app: OpenApp, home: Path) -> None:
    async with open_app("router") as pilot:
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "ansi-dark" in screen_text(pilot))
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.theme == "light")
    (settings,) = home.rglob("tui.toml")
    assert 'theme = "light"' in settings.read_text()


async def test_keys_can_be_changed_by_id(open_app: OpenApp) -> None:
    async with open_app("router", keys={"app.go_runs": "R"}) as pilot:
        await pilot.press("R")
        await until(pilot, lambda: pilot.app.place == "runs")  # type: ignore[attr-defined]


async def test_quitting_asks_about_unsaved_choices(open_app: OpenApp) -> None:
    from core.recipe import OptimizerSpec

    async with open_app("router") as pilot:
        pilot.app.session.change(optimizer=OptimizerSpec("SIMBA"))  # type: ignore[attr-defined]
        await pilot.press("q")
        await until(pilot, lambda: "Leave without saving?" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Place))


def owners_of(command: Command, above: type = Widget) -> list[type]:
    """Every class of widgets, imported so far, that binds the command's key."""
    found = [above] if binds(above, command) else []
    return found + [owner for below in above.__subclasses__() for owner in owners_of(command, below)]


NEVER_BOTH = {"results.cancel"}
"""Has the key of a command that does not work while it does."""


@pytest.mark.parametrize("place", ["app", "welcome", *PLACES, *SHARED])
def test_every_command_has_an_id_a_key_a_label_and_a_help_text(place: str) -> None:
    commands = commands_of(place)
    assert len({command.id for command in commands}) == len(commands)
    for command in commands:
        assert command.id.startswith(f"{place}.")
        assert command.key
        assert command.label
        assert command.help.endswith(".")
    for pane in {command.pane for command in commands}:
        bound = [one for one in commands if one.pane == pane and one.id not in NEVER_BOTH]
        keys = [key.strip() for command in bound for key in command.key.split(",")]
        assert len(set(keys)) == len(keys), f"{place}/{pane}: one key for two commands"


async def test_every_command_has_its_action(open_app: OpenApp) -> None:
    async with open_app("router") as pilot:
        for place in PLACES:
            await pilot.app.go(place)  # type: ignore[attr-defined]
            await until(pilot, lambda place=place: getattr(pilot.app.screen, "PLACE", "") == place)
            screen = pilot.app.screen
            for command in commands_of(place):
                where, _, name = command.action.partition("(")[0].rpartition(".")
                owners = [type(screen)] if where == "screen" else owners_of(command)
                assert owners, f"{command.id}: nobody binds it"
                assert all(hasattr(owner, f"action_{name}") for owner in owners), f"{command.id}: no action"


@pytest.mark.parametrize(("key", "pane"), [("f4", "#models"), ("f1", "#row")])
async def test_any_pane_can_fill_the_screen(open_app: OpenApp, key: str, pane: str) -> None:
    """Also one that is as high as its content, and one whose text scrolls."""
    async with open_app("router", size=(160, 44)) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: pilot.app.screen.query(f"{pane} *"))
        zoomed = pilot.app.screen.query_one(pane)
        inside = next(widget for widget in zoomed.query("*") if widget.focusable)
        pilot.app.screen.set_focus(inside)
        await pilot.pause()
        await pilot.press("z", "pagedown")
        await until(pilot, lambda: pilot.app.screen.maximized is zoomed)
        await until(pilot, lambda: zoomed.outer_size == (160, 43))
        await pilot.press("z")
        await until(pilot, lambda: pilot.app.screen.maximized is None)


async def test_an_error_that_is_on_screen_is_not_said_again(tmp_path: Path) -> None:
    app = CompilotApp(tmp_path, Settings(theme="dark"))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.places)
        for _ in range(3):
            app.say_error(ConfigError("the disk is full", where="/w", fix="make room"))
        app.say_error(ConfigError("another one"))
        await until(pilot, lambda: "another one" in screen_text(pilot))
        assert screen_text(pilot).count("the disk is full") == 1


async def test_the_header_has_the_estimate_of_what_was_measured_before(
    open_app: OpenApp, tmp_path: Path
) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    get_facts(workspace.recipe(), workspace.root)
    async with open_app("router") as pilot:
        await until(pilot, lambda: "free" in screen_text(pilot).splitlines()[1])
        assert "calls" in screen_text(pilot).splitlines()[1]
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "free" not in screen_text(pilot).splitlines()[1])
        await until(pilot, lambda: "free" in screen_text(pilot).splitlines()[1])


async def test_what_the_app_remembers_is_there_again(open_app: OpenApp) -> None:
    async with open_app("router", size=(80, 24)) as pilot:
        pilot.app.session.remember("optimize.page", "models")  # type: ignore[attr-defined]
        await pilot.press("q")
    async with open_app("router", size=(80, 24)) as pilot:
        await until(pilot, lambda: pilot.app.session.recall("optimize.page") == "models")  # type: ignore[attr-defined]
