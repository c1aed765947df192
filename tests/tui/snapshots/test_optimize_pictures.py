"""Pictures of the Optimize place: nothing measured, filled, busy, a bad value, keys; all fixed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.cost import facts as cost_facts
from core.cost.buys import Bought
from core.cost.estimate import Estimate, RoleEstimate, RuleOfThumb
from core.cost.facts import CallTokens, FactsAnswer, Measured
from core.errors import RunError
from core.optimizers.facts import Facts, PredictorFacts
from core.optimizers.plan import Range
from core.recipe import Recipe
from core.workspace import Workspace
from tests.tui.screens.waiting import screen_text, until
from tui.app import CompilotApp
from tui.panes.optimize import advising, costing, jobs, measuring
from tui.panes.optimize.further import Further
from tui.screens.optimize import OptimizeScreen
from tui.settings import Settings

SIZES = ((80, 24), (160, 48))
Snap = Callable[..., bool]
MEASURED = Measured(
    facts=Facts(train=180, val=72, test=108, predictors=(PredictorFacts(name="route"),), feedback=False),
    tokens={"student": CallTokens(300.0, 10.0)},
    latency_seconds={"student": 0.5},
    rows=20,
    calls=20,
)


def role(calls: float, model: str, usd: float) -> RoleEstimate:
    return RoleEstimate(
        calls=Range(0.9 * calls, calls, 1.3 * calls),
        paid=Range(0.8 * calls, 0.9 * calls, 1.3 * calls),
        input_tokens=Range(200 * calls, 300 * calls, 400 * calls),
        output_tokens=Range(8 * calls, 10 * calls, 14 * calls),
        usd=Range(0.7 * usd, usd, 1.6 * usd),
        model=model,
    )


def fixed_estimate(recipe: Recipe, measured: Measured) -> Estimate:
    """Figures that no change of a formula moves."""
    assert recipe.optimizer is not None
    name = recipe.optimizer.name
    calls = 1000.0 + 10 * len(name)
    return Estimate(
        optimizer=name,
        roles={
            "student": role(calls, "embedded/student", 0.84),
            "reflection": role(62, "embedded/reflection", 0.31),
        },
        total=role(calls + 62, "", 1.15),
        minutes=Range(6, 12.5, 24),
        program_runs=Range(calls, calls, calls),
        assumptions=("measured on 20 rows of val with 20 LM calls", "half of the reflections are accepted"),
        rule_of_thumb=RuleOfThumb(1848, "it takes 8 iterations of 20 sampled rows, whatever the optimizer"),
    )


def fixed_further(recipe: Recipe, measured: Measured) -> Further:
    bought = Bought(optimizer="GEPA", unit="metric calls", count=1300, limited_by="minutes")
    return Further(recipe, measured, bought)


class Clock:
    """Stands still where the screen measures how long something takes."""

    @staticmethod
    def monotonic() -> float:
        return 1000.0


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(costing, "estimate_run", fixed_estimate)
    monkeypatch.setattr(jobs, "estimate_run", fixed_estimate)
    monkeypatch.setattr(advising, "look_further", fixed_further)
    monkeypatch.setattr(measuring, "time", Clock)
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    workspace = Workspace.init_sample("router", tmp_path / "router")
    workspace.write_config({"optimizer": None})
    workspace.write_config({"optimizer": {"name": "GEPA", "params": {"max_full_evals": 4}}})
    return workspace


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    chosen: tuple[int, int] = request.param
    return chosen


def measure(workspace: Workspace) -> None:
    workspace.prepare()
    cost_facts._keep(workspace.recipe(), workspace.root, FactsAnswer(measured=MEASURED))


async def open_place(pilot: Pilot[None], *, figures: bool) -> OptimizeScreen:
    await pilot.press("f4")
    await until(pilot, lambda: isinstance(pilot.app.screen, OptimizeScreen) and pilot.app.screen.models)
    screen = pilot.app.screen
    assert isinstance(screen, OptimizeScreen)
    if figures:
        await until(pilot, lambda: screen.costs and screen.bought is not None)
        await until(pilot, lambda: screen.session.estimate is not None)
    await pilot.pause(0.2)
    return screen


def app(workspace: Workspace) -> CompilotApp:
    return CompilotApp(workspace.root, Settings(theme="dark", notify_title=False))


def test_nothing_measured(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[None]) -> None:
        screen = await open_place(pilot, figures=False)
        if size[0] < 100:
            screen.turn_to("cost")
        await until(pilot, lambda: "Not measured yet" in screen_text(pilot))

    assert snap_compare(app(workspace), terminal_size=size, run_before=before)


@pytest.mark.parametrize("page", ["optimizers", "parameters", "models", "cost"])
def test_filled(snap_compare: Snap, workspace: Workspace, page: str) -> None:
    measure(workspace)
    wide = page == "optimizers"

    async def before(pilot: Pilot[None]) -> None:
        screen = await open_place(pilot, figures=True)
        if not wide:
            screen.turn_to(page)
        await until(pilot, lambda: "1,102" in screen_text(pilot))
        await pilot.pause(0.2)

    assert snap_compare(app(workspace), terminal_size=SIZES[wide], run_before=before)


def test_busy(
    snap_compare: Snap, workspace: Workspace, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(recipe: Recipe, root: Path, cancel: threading.Event) -> Any:
        cancel.wait()
        raise RunError("measuring was cancelled")

    monkeypatch.setattr(jobs, "measure", wait)
    measure(workspace)

    async def before(pilot: Pilot[None]) -> None:
        screen = await open_place(pilot, figures=True)
        if size[0] < 100:
            screen.turn_to("cost")
        assert screen.session.draft is not None
        screen.begin_measuring(screen.session.draft)
        await until(pilot, lambda: "measuring on a few rows" in screen_text(pilot))
        await pilot.pause(0.2)

    assert snap_compare(app(workspace), terminal_size=size, run_before=before)


def test_a_bad_value(snap_compare: Snap, workspace: Workspace, size: tuple[int, int]) -> None:
    measure(workspace)

    async def before(pilot: Pilot[None]) -> None:
        screen = await open_place(pilot, figures=True)
        screen.turn_to("parameters")
        screen.query_one("#parameters-form").focus()
        await pilot.press("down", "enter", *"many", "enter", "down", "enter", *"50", "enter")
        await until(pilot, lambda: "cannot be 'many'" in screen_text(pilot))
        await pilot.pause(0.2)

    assert snap_compare(app(workspace), terminal_size=size, run_before=before)


def test_keys_and_prices(snap_compare: Snap, workspace: Workspace) -> None:
    """A model without a key, one of unknown price, and what other figures say about it."""
    workspace.write_config(
        {
            "models": {
                "student": {"model": "openai/gpt-4o-mini", "temperature": 0.7, "max_tokens": 30000},
                "reflection": {"model": "openai/my-own-model", "key_env": "OPENAI_API_KEY"},
                "proposer": None,
            }
        }
    )
    measure(workspace)

    async def before(pilot: Pilot[None]) -> None:
        await open_place(pilot, figures=True)
        await until(pilot, lambda: "price unknown" in screen_text(pilot))

    assert snap_compare(app(workspace), terminal_size=(160, 48), run_before=before)
