"""Which state of the program is looked at: as written, or as a run left it. Pure, but for reading runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from core.programs.describe import FieldDescription, PredictorDescription, ProgramDescription
from core.runs.folder import RunFolder
from core.runs.follow import load_state
from core.runs.listing import find_run, list_runs
from core.runs.revive import read_candidate

from ...text import best_score, percent


class ChosenState(NamedTuple):
    """A candidate of a run."""

    run: str
    candidate: str
    state: dict[str, Any]
    label: str


class StateChoice(NamedTuple):
    """One entry of the list to choose from."""

    label: str
    run: str
    candidate: str = ""
    """Empty: the best of the run."""


def list_choices(root: Path) -> list[StateChoice]:
    """The best state of each run that scored one, newest run first."""
    return [
        StateChoice(
            f"{summary.run_id}  {summary.optimizer}  best {best_score(summary.best, summary.best_kind)}",
            summary.run_id,
        )
        for summary in list_runs(root)
        if summary.best is not None
    ]


def list_candidates(root: Path, run: str) -> list[StateChoice]:
    """All candidates of a run, the best full score first; those without one last."""
    folder = find_run(root, run)
    state = load_state(folder)
    known = sorted(
        state.candidates, key=lambda one: -1.0 if (score := one.full()) is None else score, reverse=True
    )
    return [
        StateChoice(
            f"{one.id}  {percent(one.full())}  {one.origin}{'  best' * (one.id == state.best.candidate)}",
            folder.name,
            one.id,
        )
        for one in known
    ]


def read_choice(root: Path, choice: StateChoice) -> ChosenState:
    """The state itself. Raises `RunError` where the run or the candidate is gone."""
    folder = find_run(root, choice.run)
    candidate = choice.candidate or load_state(folder).best.candidate or ""
    record = read_candidate(RunFolder(folder), candidate)
    kind = "best" if not choice.candidate else "candidate"
    return ChosenState(folder.name, candidate, record["state"], f"{kind} {candidate} of {folder.name}")


def parse_target(target: str) -> StateChoice:
    """`RUN` or `RUN/CANDIDATE`, as other places name a state."""
    run, _, candidate = target.partition("/")
    return StateChoice(target, run, candidate)


def with_state(described: ProgramDescription, state: Mapping[str, Any]) -> ProgramDescription:
    """The description with the state's instructions, field texts and demonstrations in it."""
    known = {predictor.name: predictor for predictor in described.predictors}
    return msgspec.structs.replace(
        described,
        predictors=tuple(_with_part(known.get(name), name, part) for name, part in state.items()),
    )


def _with_part(
    predictor: PredictorDescription | None, name: str, part: Mapping[str, Any]
) -> PredictorDescription:
    texts: Mapping[str, Mapping[str, str]] = part.get("fields", {})
    demos = tuple(part.get("demos", ()))
    if predictor is None:
        fields = tuple(
            FieldDescription(field, "", "", text.get("desc", ""), text.get("prefix", ""))
            for field, text in texts.items()
        )
        return PredictorDescription(name, "", "", part.get("instructions", ""), fields, demos)
    return msgspec.structs.replace(
        predictor,
        instructions=part.get("instructions", predictor.instructions),
        fields=tuple(
            msgspec.structs.replace(
                field,
                desc=texts.get(field.name, {}).get("desc", field.desc),
                prefix=texts.get(field.name, {}).get("prefix", field.prefix),
            )
            for field in predictor.fields
        ),
        demos=demos,
    )
