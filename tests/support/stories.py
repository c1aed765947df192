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


def long_story(val: int = 53) -> list[ev.Event]:
    """A GEPA run on three predictors in the middle of its ninth trial, at full speed."""
    seed = "c0a41f77d2e"
    minibatches = (0.39, 0.44, 0.33, 0.5, 0.56, 0.47, 0.61, 0.58)
    accepted = {1: 0.462, 2: 0.501, 4: 0.538, 5: 0.597, 7: 0.641}
    """Trial → its full score; the others were turned down on their minibatch."""
    rules = ("name the deadline", "read the last sentence", "a leak is a hazard", "thanks are no mood")
    events: list[ev.Event] = [
        ev.RunStarted(
            run_id="261101-100000-gepa-aaaa",
            attempt=1,
            optimizer="GEPA",
            recipe_hash="h",
            caps={"usd": 5.0, "minutes": 15},
            threads=8,
        ),
        ev.PhaseChanged(phase="baseline"),
        ev.CandidateNoted(id=seed, file=f"candidates/{seed}.json", origin="baseline"),
        *_scored("e0", "full", 0.387, val, seed, "val"),
        ev.BaselineScored(split="val", score=0.387, errors=0, size=val, candidate=seed),
        ev.BestChanged(candidate=seed, score=0.387, kind="full", split="val"),
        ev.PhaseChanged(phase="compile"),
    ]
    parent, asked = seed, 3 * val
    for trial, minibatch in enumerate(minibatches, start=1):
        events.append(ev.TrialStarted(trial=trial, total=26))
        events += _scored(f"m{trial}", "minibatch", minibatch, 6, parent, "train")
        asked += 36
        taken = trial in accepted
        component = ("urgency", "sentiment", "categories")[trial % 3]
        events.append(
            ev.Proposal(
                component=component,
                text=f"Read the message and determine its {component}: {rules[trial % 4]}.",
                accepted=taken,
                reason="" if taken else "no better on its minibatch",
                parent=parent,
            )
        )
        if taken:
            child, score = f"c{trial}b7e{trial * 7919:06x}"[:11], accepted[trial]
            events.append(
                ev.CandidateNoted(
                    id=child, file=f"candidates/{child}.json", parents=(parent,), origin="reflection"
                )
            )
            events += _scored(f"e{trial}", "full", score, val, child, "val", errors=int(trial == 4))
            events.append(ev.BestChanged(candidate=child, score=score, kind="full", split="val"))
            parent, asked = child, asked + 3 * val
        events.append(_calls(asked, trial))
    events += [
        ev.Warned(
            what="one answer was no JSON and was asked for again", where="categories", fix="none needed"
        ),
        ev.TrialStarted(trial=len(minibatches) + 1, total=26),
        ev.EvaluationStarted(evaluation="e9", kind="full", size=val, candidate=parent),
    ]
    events += [_calls(asked + 4 * step + 3 * (step % 5), len(minibatches)) for step in range(12)]
    events.append(ev.EvaluationProgress(evaluation="e9", done=31, rollouts=427))
    return events


def _scored(
    evaluation: str,
    kind: ev.Kind,
    score: float,
    size: int,
    candidate: str,
    split: ev.Split,
    errors: int = 0,
) -> list[ev.Event]:
    return [
        ev.EvaluationStarted(evaluation=evaluation, kind=kind, size=size, candidate=candidate),
        ev.EvaluationEnded(
            evaluation=evaluation,
            kind=kind,
            split=split,
            score=score,
            size=size,
            errors=errors,
            candidate=candidate,
        ),
    ]


def _calls(asked: int, reflections: int) -> ev.Event:
    student = {
        **LEDGER_ROW,
        "asked": asked,
        "paid": asked - asked // 8,
        "joined": 2,
        "replayed": asked // 8 - 2,
        "errors": 0,
        "retries": 1,
        "input_tokens": 241 * asked,
        "output_tokens": 14 * asked,
        "usd": 0.00003 * asked,
        "in_flight": 8,
        "latency_seconds": 0.61,
    }
    reflection = {
        **LEDGER_ROW,
        "asked": reflections,
        "paid": reflections,
        "joined": 0,
        "replayed": 0,
        "errors": 0,
        "retries": 0,
        "input_tokens": 3_120 * reflections,
        "output_tokens": 410 * reflections,
        "usd": 0.008 * reflections,
        "in_flight": 0,
        "latency_seconds": 7.4,
    }
    return ev.LmCalls(roles={"student": student, "reflection": reflection})
