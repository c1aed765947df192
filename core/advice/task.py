"""What kind of task a program solves, told from its fields and from the labels."""

from __future__ import annotations

from typing import Literal

from .situation import DataFacts, ProgramFacts, Situation

GOOD, POOR = "guide, good candidates: ", "guide, poor candidates: "
"""How the sources of these checks begin."""
TaskKind = Literal["pipeline", "classification", "structured", "open-ended", "single-turn"]


def task_kinds(situation: Situation) -> tuple[TaskKind, ...]:
    """What kind of task the program solves, as its fields and the labels tell; the telling kind first."""
    program, data = situation.program, situation.data
    if program is None or not program.predictors:
        return ()
    kinds: list[TaskKind] = []
    if program.is_pipeline:
        kinds.append("pipeline")
    if program.closed or (data is not None and data.class_labels and not program.structured):
        kinds.append("classification")
    if program.structured:
        kinds.append("structured")
    if kinds:
        return tuple(kinds)
    return ("open-ended",) if _is_open_ended(program, data) else ("single-turn",)


def _is_open_ended(program: ProgramFacts, data: DataFacts | None) -> bool:
    """Free text comes out, and there is no short label that it could be compared with."""
    if not program.open or data is None:
        return False
    return not data.labels or set(data.labels) == set(data.text_labels)


def list_names(names: tuple[str, ...]) -> str:
    """The first three, and how many more."""
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


TASKS: dict[TaskKind, tuple[str, str, str]] = {
    "pipeline": (
        "{predictors} predictors, which are best improved together",
        "",
        f"{GOOD}multi-agent pipelines",
    ),
    "classification": (
        "{closed} right or wrong, so scores are clear",
        "",
        f"{GOOD}classification/ranking tasks",
    ),
    "structured": (
        "structured output ({structured}) with {enums} fields of fixed values: failures say what to mend",
        "",
        f"{GOOD}structured output with enums",
    ),
    "open-ended": (
        "{open} is open-ended text without a short label to compare it with",
        "tune the prompt by hand with people's feedback, until a metric agrees with them",
        f"{POOR}exploratory/creative tasks",
    ),
    "single-turn": (
        "one predictor and one short answer: a simple single-turn task",
        "try direct prompting first; optimize when the score on val is not good enough",
        f"{POOR}simple single-turn tasks",
    ),
}
"""Kind → what is said of it, what to do, and the guide's row."""
