"""Which candidate is the best so far: a pure rule over what was scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..optimizers.base import EvaluationKind

_TIERS = {("full", "val"): 3, ("full", "train"): 2, ("minibatch", "val"): 1, ("minibatch", "train"): 1}


class Scored(NamedTuple):
    """One kind of score of one candidate: the mean over `size` examples."""

    mean: float
    size: int


ScoreKey = tuple[str, EvaluationKind, str]


def choose_best(scores: Mapping[ScoreKey, Scored], baseline: str | None) -> ScoreKey | None:
    """The best candidate's key, or None where nothing was scored.

    Only scores of one kind are compared, the fullest that any candidate other than the baseline has. The
    baseline takes part where it has that kind of score too, and is the answer while nothing else is scored.
    Of equal scores the earlier one stays.
    """
    fullest = max((_TIERS[key[1], key[2]] for key in scores if key[0] != baseline), default=3)
    pool = [key for key in scores if _TIERS[key[1], key[2]] == fullest]
    return max(pool, key=lambda key: scores[key].mean, default=None)
