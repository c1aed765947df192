"""Advice on a recipe: is it time to optimize, and with which optimizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ..recipe import Recipe
from ..workbench.desk import Desk
from .gather import NO_WISHES, OnStep, chosen_name, gather
from .ranking import Ranking, rank
from .readiness import ReadinessCheck, check_readiness, is_ready
from .situation import Situation, Wishes


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Readiness and ranking, with the facts they rest on."""

    situation: Situation
    readiness: tuple[ReadinessCheck, ...]
    ranking: Ranking

    @property
    def ready(self) -> bool:
        """Whether nothing speaks against optimizing now."""
        return is_ready(self.readiness)

    def to_dict(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "readiness": [check.to_dict() for check in self.readiness],
            "ranking": [one.to_dict() for one in self.ranking.ranked],
            "problems": msgspec.to_builtins(self.situation.problems),
        }


def recommend(
    recipe: Recipe,
    workspace: Path | str | None = None,
    *,
    wishes: Wishes = NO_WISHES,
    repeat: int = 0,
    run_program: bool = True,
    desk: Desk | None = None,
    on_step: OnStep = lambda step: None,
) -> Advice:
    """Readiness checks and all optimizers ranked, each point with its reason.

    `workspace` is the folder of the recipe's targets and files; one from `Workspace.recipe` knows its own.
    What was not measured yet is measured first, in child processes: `run_program=False` leaves out what asks
    the program's models, `repeat` asks them more. What cannot be looked at is a failed check, no error.
    Raises `OptimizerError` where the recipe names an optimizer that does not exist, with the nearest names.
    """
    root = Path(workspace or recipe.workspace or ".").resolve()
    chosen_name(recipe)  # a misspelled name is told before anything is measured
    situation = gather(
        recipe,
        root,
        desk=desk,
        wishes=wishes,
        repeat=repeat,
        run_program=run_program,
        on_step=on_step,
    )
    return advise(situation)


def advise(situation: Situation) -> Advice:
    """The same from facts alone: pure and instant, for screens that follow a person's typing."""
    return Advice(situation=situation, readiness=check_readiness(situation), ranking=rank(situation))
