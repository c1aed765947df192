"""Pictures of the Program place: empty, filled, busy, in trouble; at two sizes. All in them is fixed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.errors import ProgramError
from core.metrics.verdict import Verdict
from core.programs.describe import FieldDescription, ModuleNode, PredictorDescription, ProgramDescription
from core.programs.traces import CallTrace, Message, StepTrace, TryResult
from core.workbench.reports import Measured, ProgramReport, TryReport
from core.workspace import Workspace
from tests.tui.screens.waiting import screen_text, until
from tui.app import CompilotApp
from tui.panes.program.trial import Trial
from tui.panes.program.trying import TryPane
from tui.screens.program import ProgramScreen
from tui.settings import Settings

SIZES = ((80, 24), (140, 44))
Snap = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]

MESSAGE = FieldDescription("message", "input", "str", "what an employee wrote to the help desk", "Message:")
TEAM = FieldDescription("team", "output", "Literal['identity', 'network']", "who handles it", "Team:")
DESCRIBED = ProgramDescription(
    kind="Router",
    doc="One message in, the team that handles it out.",
    inputs=("message",),
    required_inputs=("message",),
    takes_any_input=False,
    predictors=(
        PredictorDescription(
            "route.predict",
            "ChainOfThought",
            "RouteMessage",
            "Decide which team handles the message.",
            (MESSAGE, TEAM),
            ({"message": "The wifi is gone.", "team": "network"},),
        ),
    ),
    modules=ModuleNode(
        "program",
        "Router",
        children=(ModuleNode("route", "ChainOfThought", children=(ModuleNode("predict", "Predict"),)),),
    ),
)
REPORT = ProgramReport(
    DESCRIBED,
    {
        "route.predict": {
            "instructions": "Decide which team handles the message.",
            "fields": {"message": {"prefix": "Message:", "desc": "what an employee wrote"}},
            "demos": [],
        }
    },
    measured=Measured(3, {"route.predict": 1}, 290, 12, 0.31, {}),
)
SAMPLE = {
    "row": 3,
    "id": "m4",
    "inputs": {"message": "My password does not work since the weekend."},
    "labels": {"team": "identity"},
}
CALL = CallTrace(
    "route.predict",
    "embedded/student",
    (Message("system", "Decide which team handles the message."), Message("user", "[[ ## message ## ]]\n…")),
    "[[ ## team ## ]]\nnetwork",
    290,
    12,
    0.24,
)
TRIED = TryReport(
    SAMPLE["inputs"],  # type: ignore[arg-type]
    {},
    TryResult(
        {"team": "network"},
        (StepTrace("route.predict", SAMPLE["inputs"], {"team": "network"}, (0,), 0.25),),  # type: ignore[arg-type]
        (CALL,),
        0.26,
    ),
    {"student": {"asked": 1, "usd": 0.0}},
)


@pytest.fixture
def app(tmp_path: Path) -> CompilotApp:
    workspace = Workspace.init_sample("router", tmp_path / "router")
    return CompilotApp(workspace.root, Settings(theme="dark"))


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    chosen: tuple[int, int] = request.param
    return chosen


def showing(seen: str, prepare: Callable[[ProgramScreen], Awaitable[None]], *keys: str) -> Before:
    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("f2")
        await until(pilot, lambda: "Press r to load it" in screen_text(pilot))
        screen = pilot.app.screen
        assert isinstance(screen, ProgramScreen)
        await prepare(screen)
        await pilot.pause()
        await pilot.press(*keys)
        await until(pilot, lambda: seen in screen_text(pilot))
        await pilot.pause()

    return before


async def fill(screen: ProgramScreen) -> None:
    await screen.show_report(REPORT, [SAMPLE])


def test_empty(snap_compare: Snap, app: CompilotApp, size: tuple[int, int]) -> None:
    async def nothing(screen: ProgramScreen) -> None:
        return

    assert snap_compare(app, terminal_size=size, run_before=showing("Press r", nothing))


def test_filled(snap_compare: Snap, app: CompilotApp, size: tuple[int, int]) -> None:
    assert snap_compare(app, terminal_size=size, run_before=showing("Instructions", fill, "j"))


def test_tried(snap_compare: Snap, app: CompilotApp, size: tuple[int, int]) -> None:
    async def tried(screen: ProgramScreen) -> None:
        await fill(screen)
        screen.action_try()
        verdict = Verdict(0.0, "Wrong team: expected 'identity', got 'network'.")
        screen.query_one(TryPane).show_trial(Trial(TRIED, {"team": "identity"}, verdict))

    assert snap_compare(app, terminal_size=size, run_before=showing("Wrong team", tried))


def test_busy(snap_compare: Snap, app: CompilotApp, size: tuple[int, int]) -> None:
    async def busy(screen: ProgramScreen) -> None:
        screen.show_busy("describing the program… 3 s, x cancels")

    assert snap_compare(app, terminal_size=size, run_before=showing("x cancels", busy))


def test_error(snap_compare: Snap, app: CompilotApp, size: tuple[int, int]) -> None:
    async def failed(screen: ProgramScreen) -> None:
        screen.show_problem(
            ProgramError(
                "'program.py' raised NameError: name 'RootMessage' is not defined.",
                where="program.py:20 in __init__",
                fix="mend that line",
            )
        )

    assert snap_compare(app, terminal_size=size, run_before=showing("cannot be loaded", failed))
