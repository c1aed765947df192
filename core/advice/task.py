"""What kind of task a program solves, told from its fields and from the labels."""

from __future__ import annotations

from typing import Literal

from .situation import DataFacts, ProgramFacts, Situation

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
