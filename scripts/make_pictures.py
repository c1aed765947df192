"""Makes the README's pictures by driving the app with keys: `python -m scripts.make_pictures [FOLDER]`.

Sample workspaces, hand-made runs, and clocks that stand still: the same app gives the same files.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import msgspec
from textual.pilot import Pilot

from core.cost.facts import Measured
from core.recipe import Recipe
from core.trust import read_trust, remember_trust
from core.workbench.desk import Desk
from core.workbench.reports import ProgramReport, TryReport
from core.workspace import Workspace
from tests.support.results import MERGED, RIGHT, make_result_run
from tests.support.run_folders import write_run
from tests.support.stories import ending, long_story, story
from tests.tui.screens.waiting import screen_text, until
from tui.app import CompilotApp
from tui.panes.optimize import jobs
from tui.settings import Settings

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
START = 1_793_000_000.0
"""When the hand-made runs began, in unix seconds."""
_CALL_SECONDS = 0.04
"""What the sample `triage` says one answer of its models takes."""
_CLOCKS = ("tui.screens.runs", "tui.follower", "tui.panes.metric.judged", "tui.panes.optimize.measuring")
_CELL = 12.2
"""Width of a character in Rich's SVGs."""
_TEXT = re.compile(
    r'(?P<head><text [^>]*?)x="(?P<x>[\d.]+)"(?P<middle>[^>]*?)'
    r'textLength="(?P<length>[\d.]+)"(?P<tail>[^>]*)>(?P<text>[^<]*)</text>'
)


class Still:
    """`time`, where what is shown depends on the time of day."""

    strftime, localtime = staticmethod(time.strftime), staticmethod(lambda: time.gmtime(START))

    @staticmethod
    def time() -> float:
        return START + 73.0

    @staticmethod
    def monotonic() -> float:
        return 1_000.0


class Disk(NamedTuple):
    """What is left of a disk, in bytes."""

    free: int = 50_000_000_000


class Picture(NamedTuple):
    """One file: where it is taken, at what size, after which keys."""

    name: str
    sample: str
    take: Callable[[Pilot[None]], Awaitable[None]]
    prepare: Callable[[Workspace], None] = lambda workspace: None
    size: tuple[int, int] = (140, 40)


def press(*steps: str | Sequence[str]) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Keys (a sequence), each followed by what must be on screen before it goes on (a text)."""

    async def take(pilot: Pilot[None]) -> None:
        for step in steps:
            if isinstance(step, str):
                await until(pilot, lambda wanted=step: wanted in screen_text(pilot), 120)  # type: ignore[misc]
            else:
                await pilot.press(*step)

    return take


def fill_runs(workspace: Workspace) -> None:
    write_run(workspace, long_story(), start=START, owned=True)
    before = (("COPRO", ending(), 7_200), ("SIMBA", ending("stopped", "budget"), 90_000))
    for number, (optimizer, end, ago) in enumerate(before):
        write_run(
            workspace,
            [*story(optimizer), *end],
            run_id=f"26103{1 - number}-100000-{optimizer.lower()}-{number}b7e",
            optimizer=optimizer,
            start=START - ago,
        )


def fill_results(workspace: Workspace) -> None:
    make_result_run(workspace, demos=[{"message": "The mouse is dead.", "team": "devices"}])
    make_result_run(
        workspace,
        "261102-100000-simba-bbbb",
        optimizer="SIMBA",
        right={**RIGHT, MERGED: (0, 1, 3, 5, 6)},
        started=1.761e9,
        seconds=4_000.0,
    )


_RUNS = press(["f5"], "31/53", ["tab"], "31/53")
PICTURES_TAKEN = (
    Picture(
        "data", "triage", press("FS-1107", "val examples", ["down", "down", "right"], "smoke and a smell")
    ),
    Picture(
        "program",
        "triage",
        press(["f2"], "3 predictors", ["t"], "1 of 24", ["ctrl+n"], "2 of 24", ["ctrl+g"], "Result"),
    ),
    Picture("metric", "triage", press(["f3"], "def triage_metric", ["r"], "12 answers")),
    Picture("optimize", "triage", press(["f4"], "max_full_evals", ["m"], "budget buys"), size=(160, 44)),
    Picture("runs", "triage", _RUNS, fill_runs),
    Picture("runs_small", "triage", _RUNS, fill_runs, (80, 24)),
    Picture(
        "results",
        "router",
        press(["f6"], "held out", ["right_square_bracket"], ["right_square_bracket"], "fixed"),
        fill_results,
    ),
)


def describe_program(self: Desk, **options: object) -> ProgramReport:
    report = _describe(self, **options)  # type: ignore[arg-type]
    if report.measured is None:
        return report
    return msgspec.structs.replace(
        report, measured=msgspec.structs.replace(report.measured, seconds=3 * _CALL_SECONDS)
    )


def try_program(self: Desk, *inputs: object, **options: object) -> TryReport:
    report = _try(self, *inputs, **options)  # type: ignore[arg-type]
    calls = [msgspec.structs.replace(call, seconds=_CALL_SECONDS) for call in report.result.calls]
    steps = [msgspec.structs.replace(step, seconds=_CALL_SECONDS) for step in report.result.steps]
    result = msgspec.structs.replace(
        report.result, calls=tuple(calls), steps=tuple(steps), seconds=len(calls) * _CALL_SECONDS
    )
    return msgspec.structs.replace(report, result=result)


def measure(recipe: Recipe, root: Path, cancel: object) -> Measured:
    found = _measure(recipe, root, cancel)  # type: ignore[arg-type]
    return msgspec.structs.replace(
        found,
        latency_seconds=dict.fromkeys(found.latency_seconds, _CALL_SECONDS),
        own_seconds=0.001,
        start_seconds=3.0,
    )


_describe, _try, _measure = Desk.describe_program, Desk.try_program, jobs.measure


async def settle(pilot: Pilot[None], quiet: float = 1.5, most: float = 60.0) -> None:
    """Until nothing changes on screen for a while; the workers that follow a run never end."""
    seen, since, end = screen_text(pilot), time.monotonic(), time.monotonic() + most
    while time.monotonic() - since < quiet:
        await asyncio.sleep(0.1)
        if (now := screen_text(pilot)) != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() > end:
            raise AssertionError(f"the screen does not come to rest:\n{seen}")


async def take_picture(picture: Picture, folder: Path) -> str:
    """The SVG of one picture; the sample is copied into `folder`."""
    root = folder / picture.name / picture.sample
    workspace = Workspace.init_sample(picture.sample, root)
    remember_trust(root, read_trust(root).fingerprint)
    picture.prepare(workspace)
    app = CompilotApp(root, Settings(theme="dark", notify_title=False, notify_bell=False))
    async with app.run_test(size=picture.size) as pilot:
        await picture.take(pilot)
        await settle(pilot)
        svg = app.export_screenshot(title=f"Compilot: {picture.name.partition('_')[0]}", simplify=True)
    # Ids are a checksum of what is drawn, hidden link numbers included.
    return _TEXT.sub(trim_text, re.sub(r"terminal-\d+", f"compilot-{picture.name}", svg))


def trim_text(found: re.Match[str]) -> str:
    """A text without the blanks around it, which some viewers leave out together with their width."""
    text = found["text"].replace("&#160;", "\N{NO-BREAK SPACE}")
    bare = text.strip("\N{NO-BREAK SPACE}")
    if not bare:
        return ""
    left = len(text) - len(text.lstrip("\N{NO-BREAK SPACE}"))
    x, length = float(found["x"]), float(found["length"])
    return (
        f'{found["head"]}x="{x + left * _CELL:.1f}"{found["middle"]}'
        f'textLength="{length - (len(text) - len(bare)) * _CELL:.1f}"{found["tail"]}>{bare}</text>'
    )


def make_pictures(folder: Path, names: Sequence[str] = ()) -> None:
    """Write all pictures, or those of these names, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as still:
        home = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), scratch)
        still.enter_context(patch.dict(os.environ, {**home, "TZ": "UTC", "TERM": "xterm-256color"}))
        time.tzset()
        for module in _CLOCKS:
            still.enter_context(patch(f"{module}.time", Still))
        still.enter_context(patch.object(Desk, "describe_program", describe_program))
        still.enter_context(patch.object(Desk, "try_program", try_program))
        still.enter_context(patch.object(jobs, "measure", measure))
        still.enter_context(patch("shutil.disk_usage", lambda path: Disk()))
        for picture in PICTURES_TAKEN:
            if not names or picture.name in names:
                svg = asyncio.run(take_picture(picture, Path(scratch)))
                (folder / f"{picture.name}.svg").write_text(svg, "utf-8")
                sys.stdout.write(f"{picture.name}.svg: {len(svg) // 1024} kB\n")


if __name__ == "__main__":
    make_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES, sys.argv[2:])
