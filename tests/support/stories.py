"""Events of runs that never ran, to show and to reduce."""

from __future__ import annotations

from core.runs import events as ev

LEDGER_ROW = {
    "asked": 1410,
    "paid": 1208,
    "joined": 12,
    "replayed": 190,
    "errors": 3,
    "retries": 1,
    "input_tokens": 310_000,
    "output_tokens": 24_000,
    "usd": 0.1234,
}


def story(optimizer: str = "GEPA") -> list[ev.Event]:
    """The events of a run up to its second trial."""
    return [
        ev.RunStarted(
            run_id="r",
            attempt=1,
            optimizer=optimizer,
            recipe_hash="h",
            sizes={"train": 10, "val": 8, "test": 8},
            caps={"usd": 5.0, "minutes": 15},
        ),
        ev.PhaseChanged(phase="baseline"),
        ev.CandidateNoted(id="caaaaaaaaaa", file="candidates/caaaaaaaaaa.json", origin="baseline"),
        ev.EvaluationEnded(
            evaluation="e1", kind="full", split="val", score=0.25, size=8, candidate="caaaaaaaaaa"
        ),
        ev.BaselineScored(split="val", score=0.25, errors=0, size=8, candidate="caaaaaaaaaa"),
        ev.PhaseChanged(phase="compile"),
        ev.TrialStarted(trial=1, total=4),
        ev.CandidateNoted(
            id="cbbbbbbbbbb", file="candidates/b.json", parents=("caaaaaaaaaa",), origin="reflection"
        ),
        ev.Proposal(component="route", text="\n\nSort by topic.\nMore.", accepted=True),
        ev.EvaluationEnded(
            evaluation="e2", kind="full", split="val", score=0.75, size=8, errors=1, candidate="cbbbbbbbbbb"
        ),
        ev.BestChanged(candidate="cbbbbbbbbbb", score=0.75, kind="full", split="val"),
        ev.LmCalls(roles={"student": LEDGER_ROW, "reflection": {**LEDGER_ROW, "asked": 9, "paid": 9}}),
        ev.Warned(what="a row is empty", fix="fill it"),
        ev.LogLine(message="hello from the optimizer"),
        ev.TrialStarted(trial=2, total=4),
        ev.EvaluationStarted(evaluation="e3", kind="minibatch", size=4, candidate="cbbbbbbbbbb"),
        ev.EvaluationProgress(evaluation="e3", done=2, rollouts=20),
    ]


def ending(status: str = "completed", reason: str = "completed") -> list[ev.Event]:
    return [
        ev.RunEnded(
            status=status,  # type: ignore[arg-type]
            stop_reason=reason,  # type: ignore[arg-type]
            seconds=75.0,
            scores={"baseline": {"val": 0.25, "test": 0.2}, "best": {"val": 0.75, "test": 0.7}},
            best="cbbbbbbbbbb",
            artifact="program.json",
        )
    ]
