"""Finished runs made by hand, with candidates and rows: no dspy, no process, the same every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from core.runs import events as ev
from core.runs.folder import Provenance, RunFolder
from core.runs.rows import RowResult
from core.store import JsonlWriter
from core.workspace import Workspace

SEED, CHILD, OTHER, MERGED = "caaaaaaaaaa", "cbbbbbbbbbb", "cdddddddddd", "ceeeeeeeeee"
STARTED = 1_760_000_000.0
LEDGER = {
    "asked": 120,
    "paid": 100,
    "joined": 0,
    "replayed": 20,
    "errors": 0,
    "retries": 0,
    "input_tokens": 31_000,
    "output_tokens": 2_400,
    "usd": 0.0123,
}

MESSAGES = (
    ("The printer on the second floor jams on every page.", "devices"),
    ("My payslip shows two days of holiday too few.", "payroll"),
    ("Password reset mail never arrives.", "identity"),
    ("The wifi in the meeting room drops every hour.", "network"),
    ("Please order ten licences of the drawing tool.", "purchasing"),
    ("The radiator in my office does not get warm.", "facilities"),
    ("The laptop battery lasts only ten minutes.", "devices"),
    ("I need my contract for the bank.", "payroll"),
)

INSTRUCTIONS = {
    SEED: "Decide which team handles the message.",
    CHILD: "Decide which team handles the message.\n\nRules:\n- printer or laptop: devices\n"
    "- payslip or contract: payroll",
    OTHER: "Decide which team handles the message.\n\nSay `network` when a connection drops.",
    MERGED: "Decide which team handles the message.\n\nRules:\n- printer, laptop or battery: devices\n"
    "- payslip or contract: payroll\n\nSay `network` when a connection drops.\n"
    "The radiator in my office does not get warm: facilities.",
}
"""Of the predictor `route`; the last line of the merged one is copied from a row."""


def make_state(instructions: str, demos: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    fields = {
        "message": {"prefix": "Message:", "desc": "what an employee wrote"},
        "team": {"prefix": "Team:", "desc": "the team that handles it"},
    }
    return {"route": {"instructions": instructions, "fields": fields, "demos": list(demos)}}


def make_rows(right: Sequence[int], errored: Sequence[int] = ()) -> list[RowResult]:
    """One row per message; those of `right` are answered with their team."""
    rows = []
    for number, (message, team) in enumerate(MESSAGES):
        answer = team if number in right else "facilities" if team != "facilities" else "network"
        failed = number in errored
        rows.append(
            RowResult(
                row=number,
                score=None if failed else float(number in right),
                error="TimeoutError: no answer in 30 s\nTraceback …" if failed else None,
                feedback=None if number in right else f"Wrong team: expected {team!r}.",
                inputs={"message": message},
                labels={"team": team},
                prediction={} if failed else {"team": answer},
            )
        )
    return rows


RIGHT: dict[str, tuple[int, ...]] = {
    SEED: (0, 5),
    CHILD: (0, 1, 6, 7),
    OTHER: (3, 5),
    MERGED: (0, 1, 3, 5, 6, 7),
}
TEST_RIGHT: dict[str, tuple[int, ...]] = {SEED: (5,), MERGED: (0, 1, 3, 5, 6)}


def make_result_run(
    workspace: Workspace,
    run_id: str = "261101-100000-gepa-aaaa",
    *,
    optimizer: str = "GEPA",
    right: Mapping[str, Sequence[int]] = RIGHT,
    errored: Sequence[int] = (),
    data: str = "d" * 16,
    code: Mapping[str, str] | None = None,
    started: float = STARTED,
    best: str = MERGED,
    ended: bool = True,
    demos: Sequence[Mapping[str, Any]] = (),
    seconds: float = 75.0,
) -> Path:
    """A run with a seed, two children, and a merge of both that won; `errored` rows are the merge's."""
    workspace.prepare()
    folder = RunFolder(workspace.runs_dir / run_id)
    folder.create(workspace.recipe(optimizer=optimizer), workspace.root, started)
    folder.write_provenance(Provenance(dict(code or {"metrics.py": "m"}), data, {"python": "3"}))
    parents = {SEED: (), CHILD: (SEED,), OTHER: (SEED,), MERGED: (CHILD, OTHER)}
    origins = {SEED: "baseline", CHILD: "reflection", OTHER: "reflection", MERGED: "merge"}
    events: list[ev.Event] = [
        ev.RunStarted(run_id=run_id, attempt=1, optimizer=optimizer, recipe_hash="h"),
        ev.PhaseChanged(phase="compile"),
    ]
    for number, candidate in enumerate(parents, start=1):
        write_candidate(folder, candidate, parents[candidate], origins[candidate], demos)
        events.append(
            ev.CandidateNoted(
                id=candidate,
                file=f"candidates/{candidate}.json",
                parents=parents[candidate],
                origin=origins[candidate],
            )
        )
        if candidate in right:
            rows = make_rows(right[candidate], errored if candidate == MERGED else ())
            events.append(write_evaluation(folder, f"e{number:04d}", candidate, "val", rows))
            if candidate == SEED:
                base = _mean(rows)
                events.append(
                    ev.BaselineScored(split="val", score=base, errors=0, size=len(rows), candidate=SEED)
                )
    score = _mean(make_rows(right.get(best, ()), errored))
    events += [
        ev.BestChanged(candidate=best, score=score or 0.0, kind="full", split="val"),
        ev.Proposal(component="route", text="Say less.", accepted=False, reason="no better", parent=SEED),
        ev.LmCalls(roles={"student": LEDGER}),
    ]
    if ended:
        for number, candidate in enumerate(dict.fromkeys((SEED, best)), start=5):
            rows = make_rows(TEST_RIGHT.get(candidate, ()))
            events.append(write_evaluation(folder, f"e{number:04d}", candidate, "test", rows))
        tests = {one: _mean(make_rows(TEST_RIGHT.get(one, ()))) for one in (SEED, best)}
        base = _mean(make_rows(right.get(SEED, ())))
        events.append(
            ev.RunEnded(
                status="completed",
                stop_reason="completed",
                seconds=seconds,
                scores={
                    "baseline": {"val": base, "test": tests[SEED]},
                    "best": {"val": score, "test": tests[best]},
                },
                best=best,
            )
        )
    write_events(folder, events, started)
    return folder.path


def write_candidate(
    folder: RunFolder,
    candidate: str,
    parents: Sequence[str],
    origin: str,
    demos: Sequence[Mapping[str, Any]] = (),
) -> None:
    state = make_state(INSTRUCTIONS.get(candidate, candidate), demos if candidate == MERGED else ())
    record = {"id": candidate, "parents": list(parents), "origin": origin, "runtime": "", "state": state}
    (folder.candidates / f"{candidate}.json").write_bytes(orjson.dumps(record))


def write_evaluation(
    folder: RunFolder, evaluation: str, candidate: str, split: ev.Split, rows: Sequence[RowResult]
) -> ev.Event:
    record = {
        "evaluation": evaluation,
        "candidate": candidate,
        "split": split,
        "score": _mean(rows),
        "phase": "compile",
        "rows": [msgspec.to_builtins(row) for row in rows],
    }
    (folder.evaluations / f"{evaluation}.json").write_bytes(orjson.dumps(record))
    return ev.EvaluationEnded(
        evaluation=evaluation,
        kind="full",
        split=split,
        score=_mean(rows),
        size=len(rows),
        errors=sum(row.score is None for row in rows),
        candidate=candidate,
    )


def write_events(folder: RunFolder, events: Sequence[ev.Event], started: float) -> None:
    with JsonlWriter(folder.events) as log:
        for number, event in enumerate(events, start=1):
            log.append(msgspec.to_builtins(msgspec.structs.replace(event, seq=number, t=started + number)))


def _mean(rows: Sequence[RowResult]) -> float | None:
    scores = [row.score for row in rows if row.score is not None]
    return sum(scores) / len(scores) if scores else None
