"""The Optimize place: real keys on a copied workspace, and what a person sees of the cost while typing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from core.cost import facts as cost_facts
from core.cost.facts import CallTokens, FactsAnswer, Measured
from core.optimizers.facts import Facts, PredictorFacts
from core.recipe import Recipe
from core.workspace import Workspace
from tests.tui.screens.waiting import OpenApp, screen_text, text_of, until
from tui.app import CompilotApp
from tui.screens.optimize import OptimizeScreen

MEASURED = Measured(
    facts=Facts(
        train=180,
        val=72,
        test=108,
        predictors=(PredictorFacts(name="route"),),
        success_rate=0.4,
        perfect_rate=0.4,
        feedback=False,
    ),
    tokens={"student": CallTokens(300.0, 10.0)},
    demo_tokens=60.0,
    latency_seconds={"student": 0.5},
    rows=20,
    calls=20,
)


@pytest.fixture
def router(tmp_path: Path) -> Workspace:
    """A workspace whose program was measured earlier; nothing of it has to run."""
    workspace = Workspace.init_sample("router", tmp_path / "router")
    keep_facts(workspace, workspace.recipe())
    return workspace


@pytest.fixture
def evolving(router: Workspace) -> Workspace:
    """The same with GEPA and its defaults."""
    router.write_config({"optimizer": {"name": "GEPA", "params": None}})
    keep_facts(router, router.recipe())
    return router


def keep_facts(workspace: Workspace, recipe: Recipe) -> None:
    workspace.prepare()
    cost_facts._keep(recipe, workspace.root, FactsAnswer(measured=MEASURED))


async def go(pilot: Pilot[None]) -> OptimizeScreen:
    await pilot.press("f4")
    await until(pilot, lambda: isinstance(pilot.app.screen, OptimizeScreen) and pilot.app.screen.models)
    screen = pilot.app.screen
    assert isinstance(screen, OptimizeScreen)
    return screen


def session(pilot: Pilot[None]) -> Any:
    assert isinstance(pilot.app, CompilotApp)
    return pilot.app.session


async def priced(pilot: Pilot[None]) -> OptimizeScreen:
    """The place, once it shows figures."""
    screen = await go(pilot)
    await until(pilot, lambda: session(pilot).estimate is not None)
    await pilot.pause()
    return screen


async def choose(pilot: Pilot[None], name: str) -> None:
    """An optimizer of the list, by arrow keys."""
    from tui.panes.optimize.optimizers import OptimizersPane

    pane = pilot.app.screen.query_one(OptimizersPane)
    pilot.app.screen.query_one("OptimizerList").focus()
    await pilot.press("home")
    while pane.at_cursor != name:
        await pilot.press("down")
    await pilot.press("enter")
    await until(pilot, lambda: session(pilot).draft.optimizer.name == name)
    await until(pilot, lambda: session(pilot).estimate is not None)


async def tab_to(pilot: Pilot[None], kind: str) -> None:
    """The pane of this kind, by tab."""
    while type(pilot.app.focused).__name__ != kind:
        await pilot.press("tab")


async def at_field(pilot: Pilot[None], form: str, name: str) -> None:
    """The cursor of a form on a field, by arrow keys."""
    from tui.panes.optimize.form import Form

    widget = pilot.app.screen.query_one(form, Form)
    widget.focus()
    await pilot.press("home")
    while widget.field.name != name:
        await pilot.press("down")


async def type_into(pilot: Pilot[None], form: str, name: str, text: str) -> None:
    await at_field(pilot, form, name)
    await pilot.press("enter")
    await until(pilot, lambda: len(pilot.app.screen.query("EditLine Input")) == 1)
    await pilot.press(*text)


async def test_choosing_gepa_and_typing_parameters_moves_the_preview(
    router: Workspace, open_app: OpenApp
) -> None:
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await priced(pilot)
        await choose(pilot, "GEPA")
        first = session(pilot).estimate.total.calls.expected

        await type_into(pilot, "#parameters-form", "max_full_evals", "2")
        await until(pilot, lambda: session(pilot).draft.optimizer.params == {"max_full_evals": 2})
        await until(pilot, lambda: session(pilot).estimate is not None)
        second = session(pilot).estimate.total.calls.expected
        assert second != first
        await until(pilot, lambda: f"{second:,.0f}" in screen_text(pilot))

        await pilot.press("0", "enter")  # 2 becomes 20: ten times the budget
        await until(pilot, lambda: (now := session(pilot).estimate) and now.total.calls.expected != second)
        third = session(pilot).estimate.total.calls.expected
        assert third > 5 * second
        await until(pilot, lambda: f"{third:,.0f}" in screen_text(pilot))

        await at_field(pilot, "#parameters-form", "component_selector")
        await pilot.press("right")
        await until(pilot, lambda: session(pilot).draft.optimizer.params.get("component_selector") == "all")
        assert "adapted" not in screen_text(pilot)
        # auto gives way to the budget that was set, and says so in its place.
        auto = pilot.app.screen.query_one("#parameters-form").sheet.field("auto")  # type: ignore[attr-defined]
        assert (auto.value, auto.is_set) == (None, False)


async def test_a_bad_value_is_explained_at_the_field_and_escape_takes_it_back(
    router: Workspace, open_app: OpenApp
) -> None:
    async with open_app("router", size=(80, 24), trusted=False) as pilot:
        await priced(pilot)
        before = session(pilot).draft
        await type_into(pilot, "#parameters-form", "max_rounds", "many")
        await until(pilot, lambda: "`max_rounds` cannot be 'many'" in screen_text(pilot))
        await until(pilot, lambda: "give a whole number of at least 1" in screen_text(pilot))
        await pilot.press("enter", "L")
        await until(pilot, lambda: "cannot be 'many'" in screen_text(pilot))
        assert isinstance(pilot.app.screen, OptimizeScreen)  # no dialog: it is not launched like this
        await pilot.press("enter")
        await pilot.press("escape")
        await pilot.press("backspace")
        await until(pilot, lambda: "cannot be" not in "\n".join(screen_text(pilot).splitlines()[:20]))
        assert session(pilot).draft == before


async def test_a_conflict_is_explained_at_both_fields(evolving: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(160, 48), trusted=False) as pilot:
        await priced(pilot)
        for name in ("max_full_evals", "max_metric_calls"):
            await type_into(pilot, "#parameters-form", name, "50")
            await pilot.press("enter")
        await until(pilot, lambda: screen_text(pilot).count("GEPA takes one budget") >= 3)
        await until(pilot, lambda: "keep one of the three" in screen_text(pilot))
        await pilot.press("backspace")
        await until(pilot, lambda: "GEPA takes one budget" not in screen_text(pilot))


async def test_only_what_differs_from_the_default_is_stored(evolving: Workspace, open_app: OpenApp) -> None:
    evolving.config_path.write_text(
        evolving.config_path.read_text().replace("[run]", "# threads as the provider allows\n[run]")
    )
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await priced(pilot)
        await type_into(pilot, "#parameters-form", "max_full_evals", "3")
        await pilot.press("enter")
        await type_into(pilot, "#parameters-form", "reflection_minibatch_size", "3")
        await pilot.press("enter")
        await pilot.press("s")
        await until(pilot, lambda: not session(pilot).unsaved)
    settings = evolving.settings()
    assert settings["optimizer"] == {"name": "GEPA", "params": {"max_full_evals": 3}}
    assert "# threads as the provider allows" in evolving.config_path.read_text()


async def test_the_budget_line_tells_what_a_cap_buys(router: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(160, 48), trusted=False) as pilot:
        screen = await priced(pilot)
        await pilot.press("b")
        await type_into(pilot, "#limits-form", "calls", "1000")
        await pilot.press("enter")
        await until(pilot, lambda: "calls 1,000: stops the run at about" in screen_text(pilot))
        await until(pilot, lambda: screen.bought is not None and screen.bought.limited_by == "calls")
        await until(pilot, lambda: f"about {screen.bought.count:,} candidate" in screen_text(pilot))
        await type_into(pilot, "#limits-form", "usd", "0")
        await until(pilot, lambda: "must be above 0" in screen_text(pilot))
        await pilot.press("escape")
        assert session(pilot).draft.budget.usd is None


async def test_a_change_is_taken_back(router: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await priced(pilot)
        before = session(pilot).draft
        await type_into(pilot, "#parameters-form", "max_labeled_demos", "32")
        await pilot.press("enter")
        assert session(pilot).draft.optimizer.params["max_labeled_demos"] == 32
        await pilot.press("u")
        assert session(pilot).draft == before


async def test_what_if_shows_the_effect_and_makes_the_change(router: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await priced(pilot)
        calls = session(pilot).estimate.total.calls.expected
        await pilot.press("w")
        await until(pilot, lambda: "val 72 → 15" in screen_text(pilot))
        await until(pilot, lambda: "keep val at 10 to 15 rows" in screen_text(pilot))
        await pilot.press("slash", *"nonsense=3", "enter")
        await until(pilot, lambda: "nothing to change is called `nonsense`" in screen_text(pilot))
        await pilot.press("escape", "w")
        await pilot.press("enter")
        await until(pilot, lambda: session(pilot).draft.data.split.val == 15)
        await until(pilot, lambda: (found := session(pilot).estimate) and found.total.calls.expected < calls)
        await until(pilot, lambda: "measured with other split" in screen_text(pilot))


async def test_all_estimates_stand_side_by_side(router: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        screen = await priced(pilot)
        await until(pilot, lambda: screen.costs)
        await pilot.press("a")
        await until(pilot, lambda: "COPRO" in screen_text(pilot) and "highest" in screen_text(pilot))
        names = [line.split()[0] for line in text_of(pilot.app.screen.query_one(OptionList)).splitlines()]
        assert "LabeledFewShot" in names
        await pilot.press("home", "enter")
        await until(pilot, lambda: session(pilot).draft.optimizer.name == "LabeledFewShot")


async def test_a_models_price_and_key_are_shown_and_edited(
    router: Workspace, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await priced(pilot)
        await tab_to(pilot, "RoleList")
        await until(pilot, lambda: "no key needed" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "The student's model" in screen_text(pilot))
        await pilot.press("enter", *"openai/gpt-4o-mini", "enter")
        await until(pilot, lambda: "OPENAI_API_KEY is not set here" in screen_text(pilot))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: session(pilot).draft.models["student"].model == "openai/gpt-4o-mini")
        await until(pilot, lambda: "OPENAI_API_KEY is missing" in screen_text(pilot))
        await until(pilot, lambda: "dollars" in screen_text(pilot))
        await pilot.press("down", "down", "d")  # the proposer's own profile goes: the reflection's serves it
        await until(pilot, lambda: "the reflection's model" in screen_text(pilot))
        assert "proposer" not in session(pilot).draft.models


async def test_an_impossible_model_name_is_refused_in_its_form(router: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await priced(pilot)
        await tab_to(pilot, "RoleList")
        await pilot.press("enter")
        await until(pilot, lambda: "The student's model" in screen_text(pilot))
        await pilot.press("enter", *"[nope]/x", "enter", "ctrl+s")
        await until(pilot, lambda: "unknown provider '[nope]'" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, OptimizeScreen))
        assert not session(pilot).unsaved


async def test_one_page_at_a_time_where_it_is_narrow(router: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(80, 24), trusted=False) as pilot:
        await priced(pilot)
        pilot.app.screen.query_one("OptimizerList")
        for seen in ("Models ─", "Budget and run ─", "Cost ─", "Checks ─", "Optimizers ─", "Parameters ─"):
            for _ in range(6):
                if f"╭─ {seen}" in screen_text(pilot):
                    break
                await pilot.press("tab")
            await until(pilot, lambda: f"╭─ {seen}" in screen_text(pilot))
        assert "calls" in screen_text(pilot).splitlines()[-2]


async def test_nothing_of_an_untrusted_folder_runs_by_itself(open_app: OpenApp) -> None:
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        screen = await go(pilot)
        await until(pilot, lambda: "m runs the program on a few rows" in screen_text(pilot))
        await until(pilot, lambda: "Not checked yet" in screen_text(pilot))
        assert not screen.is_measuring
        await pilot.press("m")
        await until(pilot, lambda: "Run this folder's code?" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, OptimizeScreen))
        assert not screen.is_measuring


async def test_measuring_says_what_it_does_and_is_cancelled(open_app: OpenApp, tmp_path: Path) -> None:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    (workspace.root / "program.py").write_text("import time\ntime.sleep(60)\n")
    async with open_app("router", size=(120, 40)) as pilot:
        screen = await go(pilot)
        await until(pilot, lambda: screen.is_measuring)
        await until(pilot, lambda: "measuring on a few rows" in screen_text(pilot))
        await until(pilot, lambda: "x cancels (free with" in screen_text(pilot))
        await pilot.press("x")
        await until(pilot, lambda: not screen.is_measuring)
        await until(pilot, lambda: "m runs the program on a few rows" in screen_text(pilot))


async def test_launch_asks_once_with_cost_and_cap(router: Workspace, open_app: OpenApp) -> None:
    launched: list[Recipe] = []
    async with open_app("router", size=(120, 40)) as pilot:
        pilot.app.launch = launched.append  # type: ignore[attr-defined]
        await priced(pilot)
        await pilot.press("L")
        await until(pilot, lambda: "Launch BootstrapFewShotWithRandomSearch on Router?" in screen_text(pilot))
        await until(pilot, lambda: "expected  " in screen_text(pilot))
        await until(pilot, lambda: "highest   " in screen_text(pilot))
        await until(pilot, lambda: "cap       15 min: enough" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, OptimizeScreen))
        assert launched == []
        await pilot.press("L")
        await until(pilot, lambda: "Launch Bootstrap" in screen_text(pilot))
        await pilot.press("y")
        await until(pilot, lambda: launched)
        assert launched[0].optimizer == session(pilot).draft.optimizer
        assert launched[0].workspace == str(router.root)


async def test_launch_is_refused_with_reasons_that_lead_on(router: Workspace, open_app: OpenApp) -> None:
    metrics = router.root / "metrics.py"
    metrics.write_text(metrics.read_text().replace("def routed_right", "def routed_wrong"))
    async with open_app("router", size=(120, 40)) as pilot:
        await priced(pilot)
        await until(pilot, lambda: "1 to mend" in screen_text(pilot))
        await pilot.press("L")
        await until(pilot, lambda: "A run cannot start before this is mended" in screen_text(pilot))
        await until(pilot, lambda: "metric:" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.place == "metric")  # type: ignore[attr-defined]


async def test_models_are_asked_and_the_ranking_has_reasons(router: Workspace, open_app: OpenApp) -> None:
    async with open_app("router", size=(160, 48)) as pilot:
        screen = await priced(pilot)
        await until(pilot, lambda: screen.is_loaded)
        await pilot.press("p")
        await until(pilot, lambda: screen_text(pilot).count("answered in") == 3)
        await until(pilot, lambda: "score, calls" in screen_text(pilot))
        best = screen.fits[0]
        assert best.reasons
        pilot.app.screen.query_one("OptimizerList").focus()
        await pilot.press("home")
        await until(pilot, lambda: f"score {best.score}" in screen_text(pilot))
        assert best.reasons[0].partition(" ")[2][:20] in screen_text(pilot)


async def test_a_dry_run_counts_the_calls_beside_the_estimate(router: Workspace, open_app: OpenApp) -> None:
    recipe = router.recipe(optimizer="BootstrapFewShot")
    router.write_config({"optimizer": {"name": "BootstrapFewShot", "params": None}})
    keep_facts(router, recipe)
    async with open_app("router", size=(160, 48)) as pilot:
        screen = await priced(pilot)
        await pilot.press("t")
        await until(pilot, lambda: screen.is_dry_running)
        await until(pilot, lambda: "dry run 1 of" in screen_text(pilot))
        await until(pilot, lambda: "of the rows right:" in screen_text(pilot), seconds=90)
        assert not screen.is_dry_running
        await pilot.press("t")
        await until(pilot, lambda: screen.is_dry_running)
        await pilot.press("x")
        await until(pilot, lambda: not screen.is_dry_running)


async def test_a_broken_compilot_toml_breaks_nothing(router: Workspace, open_app: OpenApp) -> None:
    router.config_path.write_text("[program\n")
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await pilot.press("f4")
        await until(pilot, lambda: "is not valid TOML" in screen_text(pilot))
        for key in ("L", "m", "a", "w", "t", "r", "p", "u", "s", "b", "enter", "right", "backspace"):
            await pilot.press(key)
        await pilot.pause()
        await until(pilot, lambda: "is not valid TOML" in screen_text(pilot))


async def test_an_unknown_parameter_of_the_file_is_named_with_the_nearest(
    router: Workspace, open_app: OpenApp
) -> None:
    router.config_path.write_text(
        router.config_path.read_text().replace("num_candidate_programs = 10", "num_candidate_program = 10")
    )
    async with open_app("router", size=(120, 40), trusted=False) as pilot:
        await go(pilot)
        await until(pilot, lambda: "has no parameter" in screen_text(pilot))
        await until(pilot, lambda: "did you mean `num_candidate_programs`?" in screen_text(pilot))


async def test_hostile_text_of_the_file_is_only_text(evolving: Workspace, open_app: OpenApp) -> None:
    hostile = "[/nope][@click=app.quit]x[/] \x1b]0;X\x07\x1b[2J\u202e\u2028[bold"
    evolving.write_config(
        {
            "optimizer": {"params": {"additional_instructions": hostile}},
            "models": {"student": {"model": "openai/[@click=app.quit]x\u202e", "key_env": "A_KEY"}},
            "metric": {"target": "[/nope].py:x"},
        }
    )
    keep_facts(evolving, evolving.recipe())
    async with open_app("router", size=(160, 48), trusted=False) as pilot:
        screen = await priced(pilot)
        await until(pilot, lambda: screen.costs)
        await at_field(pilot, "#parameters-form", "additional_instructions")
        for key in ("w", "escape", "a", "escape"):
            await pilot.press(key)
        text = screen_text(pilot)
        await until(pilot, lambda: "[@click=app.quit]x" in screen_text(pilot))
        assert not any(letter in text for letter in "\x1b\x07\u202e\u2028")
        await tab_to(pilot, "RoleList")
        await pilot.press("enter")
        await until(pilot, lambda: "The student's model" in screen_text(pilot))
        assert pilot.app.is_running


async def test_how_to_take_a_model_is_seen_where_there_is_little_room(open_app: OpenApp) -> None:
    async with open_app("router", size=(80, 24), trusted=False) as pilot:
        screen = await go(pilot)
        screen.turn_to("models")
        screen.query_one("RoleList").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "The student's model" in screen_text(pilot))
        await until(pilot, lambda: "Use it (ctrl+s)" in screen_text(pilot))
        await pilot.press("end")
        await until(pilot, lambda: "timeout" in screen_text(pilot))
        await until(pilot, lambda: "Use it (ctrl+s)" in screen_text(pilot))
