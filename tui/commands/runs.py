"""`compilot runs …`: list, show, watch and control runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import msgspec

from core.errors import RunError
from core.runs import control
from core.runs.folder import RunFolder
from core.runs.follow import follow, load_state
from core.runs.launch import resume_run
from core.runs.listing import RunSummary, closed_folders, find_run, list_runs, refuse_closed
from core.runs.process import is_alive
from core.runs.reduce import FINAL, RunState
from core.runs.removal import remove_run
from core.workspace import Workspace

from ..codes import FAILED, INTERRUPTED
from ..display import ProgressKind
from ..display.activity import recent
from ..following import describe_result, follow_and_report, summary_lines, wait_for_exit
from ..lazy import LazyGroup, Row
from ..output import print_json, print_lines, say
from ..text import count, duration, percent, table, usd
from .options import json_option, progress_option, workspace_option

_SHOWN_CANDIDATES = 12
_SHOWN_LINES = 10

run_argument = click.argument("run", default="latest")


@click.group(
    cls=LazyGroup,
    rows=(
        Row("ls", "commands.runs:list_all", "List the runs, newest first."),
        Row("show", "commands.runs:show", "Show where a run stands or how it ended."),
        Row("watch", "commands.runs:watch", "Follow a run until it ends."),
        Row("pause", "commands.runs:pause", "Start no new LM call until it is resumed."),
        Row("resume", "commands.runs:resume", "Go on with a paused run, or with one whose process is gone."),
        Row("stop", "commands.runs:stop", "End a run, keeping the best so far."),
        Row("kill", "commands.runs:kill", "End a run's process at once."),
        Row("rm", "commands.runs:remove", "Delete runs with their events, answers and candidates."),
    ),
)
def runs() -> None:
    """List, show, watch and control runs.

    RUN is an id, the beginning of one, or `latest` (the default).
    """


@click.command(name="ls")
@workspace_option
@json_option
def list_all(workspace: Path, as_json: bool) -> None:
    """List the runs of the workspace, newest first."""
    root = Workspace.open(workspace).root
    refuse_closed(root)
    found = list_runs(root)
    if as_json:
        print_json([msgspec.to_builtins(one) for one in found])
        return
    if not found:
        say("no runs yet: `compilot run` starts one")
        return
    rows = [("run", "status", "optimizer", "baseline", "best", "calls", "spent", "time", "started")]
    rows += [
        (
            one.run_id,
            _show_status(one),
            one.optimizer,
            percent(one.baseline),
            # A score of a few train rows compares with no baseline: the app marks it, a column cannot.
            percent(one.best if one.best_kind != "minibatch" else None),
            count(one.calls),
            usd(one.usd),
            duration(one.seconds),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(one.started)) if one.started else "–",
        )
        for one in found
    ]
    print_lines(table(rows, "<<<>>>>>>"))
    for path in closed_folders(root):
        say(f"cannot be read: {path}")


def _show_status(run: RunSummary) -> str:
    # Why a run is damaged takes a line of its own: `runs show` has it.
    short = run.stop_reason in (None, run.status) or run.status == "damaged"
    return run.status if short else f"{run.status} ({run.stop_reason})"


@click.command()
@run_argument
@workspace_option
@json_option
def show(run: str, workspace: Path, as_json: bool) -> None:
    """Show where RUN stands or how it ended."""
    place = Workspace.open(workspace)
    folder = find_run(place.root, run)
    state = load_state(folder)
    if as_json:
        print_json(state.to_dict())
        return
    print_lines([*summary_lines(state, place.root), "", *_candidate_lines(state), "", *_recent_lines(state)])
    owner = state.owner
    alive = state.status not in FINAL and owner is not None
    print_lines([f"process {owner.pid}" if alive and owner else "", f"folder  {folder}"])
    if state.fix:
        print_lines([f"fix     {state.fix}"])


@click.command()
@run_argument
@workspace_option
@progress_option
@json_option
def watch(run: str, workspace: Path, progress: ProgressKind | None, as_json: bool) -> int:
    """Follow RUN until it ends. Ctrl+C leaves the run alone."""
    place = Workspace.open(workspace)
    folder = find_run(place.root, run)
    try:
        return follow_and_report(folder, place.root, progress, as_json)
    except KeyboardInterrupt:
        say(f"run {folder.name} goes on; `compilot runs stop {folder.name}` stops it")
        return INTERRUPTED


@click.command()
@run_argument
@workspace_option
@json_option
def pause(run: str, workspace: Path, as_json: bool) -> None:
    """Pause RUN: calls in flight finish, no new one starts."""
    folder = find_run(Workspace.open(workspace).root, run)
    control.pause(folder)
    _report_request(folder, "pausing", "`compilot runs resume` goes on with it", as_json)


@click.command()
@run_argument
@click.option("--anyway", is_flag=True, help="Even if program, data, metric or dspy changed since.")
@click.option("--watch", "follow_it", is_flag=True, help="Follow the run until it ends.")
@workspace_option
@progress_option
@json_option
def resume(
    run: str, anyway: bool, follow_it: bool, workspace: Path, progress: ProgressKind | None, as_json: bool
) -> int:
    """Go on with RUN: a paused one, or one whose process is gone (answers paid for are replayed)."""
    place = Workspace.open(workspace)
    folder = find_run(place.root, run)
    if is_alive(RunFolder(folder).read_owner()):
        control.resume(folder)
    else:
        resume_run(folder, force=anyway)
    if follow_it:
        return follow_and_report(folder, place.root, progress, as_json)
    _report_request(folder, "going on", "`compilot runs watch` follows it", as_json)
    return 0


@click.command()
@run_argument
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=30.0,
    metavar="SECONDS",
    help="How long to wait for its end (30).",
)
@workspace_option
@json_option
def stop(run: str, wait: float, workspace: Path, as_json: bool) -> int:
    """Stop RUN, keeping the best so far; waits until it has ended."""
    place = Workspace.open(workspace)
    folder = find_run(place.root, run)
    control.stop(folder)
    state = RunState(run_id=folder.name)
    for state in follow(folder, most_seconds=wait):
        if state.status in FINAL:
            break
    if state.status not in FINAL:
        _report_request(folder, "stopping", "calls in flight finish, the best is kept", as_json)
        return 0
    wait_for_exit(folder)
    if as_json:
        print_json(describe_result(folder, state))
    else:
        print_lines(summary_lines(state, place.root))
    return 0


@click.command()
@run_argument
@workspace_option
@json_option
def kill(run: str, workspace: Path, as_json: bool) -> None:
    """Kill RUN's process at once. What was paid for stays: `resume` goes on with it."""
    folder = find_run(Workspace.open(workspace).root, run)
    control.kill(folder)
    _report_request(folder, "killed", "`compilot runs resume` goes on with it, paying nothing twice", as_json)


@click.command(name="rm")
@click.argument("names", nargs=-1, required=True, metavar="RUN…")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@workspace_option
@json_option
def remove(names: tuple[str, ...], yes: bool, workspace: Path, as_json: bool) -> int:
    """Delete runs with their events, answers and candidates.

    Asks first. With --json, and where there is no terminal to ask on, -y has to be given.
    """
    root = Workspace.open(workspace).root
    folders = list(dict.fromkeys(find_run(root, name) for name in names))
    if not yes:
        shown = ", ".join(folder.name for folder in folders)
        if as_json or not sys.stdin.isatty():
            raise click.UsageError(f"this would delete {shown} without asking: add -y if that is meant")
        if not click.confirm(f"delete {shown} and the answers paid for in them?", err=True):
            say("nothing removed")
            return FAILED
    for folder in folders:
        remove_run(folder)
    if as_json:
        print_json({"removed": [folder.name for folder in folders]})
    else:
        print_lines([f"removed {folder.name}" for folder in folders])
    return 0


def find_candidate(folder: Path, name: str) -> str:
    """The candidate that a person means: its id, the beginning of it, or its number in `runs show`."""
    candidates = [candidate.id for candidate in load_state(folder).candidates]
    if name in candidates:
        return name
    if name.isdecimal() and 1 <= int(name) <= len(candidates):
        return candidates[int(name) - 1]
    matching = [candidate for candidate in candidates if candidate.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    raise RunError(
        f"{name[:60]!r} names {len(matching) or 'no'} candidates of run {folder.name}",
        where=str(folder),
        fix=f"`compilot runs show {folder.name}` lists its candidates",
    )


def _candidate_lines(state: RunState) -> list[str]:
    scored = [
        (number, candidate)
        for number, candidate in enumerate(state.candidates, start=1)
        if candidate.full("val") is not None
    ]
    scored.sort(key=lambda item: -(item[1].full("val") or 0.0))
    if not scored:
        return []
    rows = [("n", "candidate", "val", "from", "how")]
    rows += [
        (str(number), one.id, percent(one.full("val")), ", ".join(one.parents) or "–", one.origin)
        for number, one in scored[:_SHOWN_CANDIDATES]
    ]
    rest = len(state.candidates) - min(len(scored), _SHOWN_CANDIDATES)
    more = [f"and {rest} more (all in --json)"] if rest else []
    return [*table(rows, "><><<"), *more]


def _recent_lines(state: RunState) -> list[str]:
    return [f"{entry.clock}  {entry.text}" for entry in recent(state, _SHOWN_LINES)]


def _report_request(folder: Path, word: str, hint: str, as_json: bool) -> None:
    owner = RunFolder(folder).read_owner()
    if as_json:
        print_json(
            {
                "run_id": folder.name,
                "status": word,
                "pid": owner.pid if owner else None,
                "folder": str(folder),
            }
        )
    else:
        print_lines([f"run {folder.name}: {word}; {hint}"])
