"""What a metric said about one answer, whatever shape it said it in."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import msgspec

_FEEDBACK_KEYS = ("feedback", "reason", "explanation", "comment")
_SUBSCORE_KEYS = ("subscores", "objective_scores", "scores")


class Verdict(msgspec.Struct, frozen=True):
    """One example's judgement."""

    score: float | None
    """From 0 to 1; None when the row errored."""
    feedback: str | None = None
    """As the metric wrote it; None when it wrote none."""
    subscores: dict[str, float] = {}
    """Named parts of the score, each from 0 to 1."""
    error: str | None = None
    """What went wrong, in one line."""
    where: str | None = None
    """file:line in the user's code, for an error."""
    traceback: str | None = None
    """Of an error, from the user's first line on."""
    shape: str = ""
    """The type that the metric returned."""
    seconds: float = 0.0
    pred_name: str | None = None
    """The predictor that feedback was asked for; such a call is no evaluation of its own."""


class ShapeProblem(ValueError):
    """A metric returned something that is no score."""


class Judgement(msgspec.Struct):
    """A metric's return value, read: score, feedback and sub-scores."""

    score: float
    feedback: str | None = None
    subscores: dict[str, float] = {}


def read_result(result: Any, weights: Mapping[str, float] | None = None) -> Judgement:
    """The score, feedback and sub-scores in whatever a metric returned.

    Takes a truth value, a number, an object or mapping with `score`, a tuple of score and feedback, or a
    mapping of named sub-scores, whose weighted mean is the score (weight 1 where none is given). With weights
    and sub-scores the weighted mean counts, even beside a score. Raises `ShapeProblem` for anything else, and
    for a score that is no number from 0 to 1.
    """
    judgement = _read(result, weights)
    if judgement.subscores and weights:
        judgement.score = weighted_mean(judgement.subscores, weights)
    return judgement


def weighted_mean(subscores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Mean of the sub-scores by weight; a sub-score without a weight has weight 1."""
    unknown = [name for name in weights if name not in subscores]
    if unknown:
        raise ShapeProblem(
            f"the recipe weighs '{unknown[0]}', but the metric's sub-scores are {_listed(subscores)}"
        )
    total = sum(weights.get(name, 1.0) for name in subscores)
    if total <= 0:
        raise ShapeProblem("the weights of the sub-scores add up to nothing")
    return sum(weights.get(name, 1.0) * score for name, score in subscores.items()) / total


def _read(result: Any, weights: Mapping[str, float] | None) -> Judgement:
    if isinstance(result, (tuple, list)):
        return _read_sequence(result)
    if isinstance(result, Mapping):
        return _read_mapping(dict(result), weights)
    if hasattr(result, "toDict"):
        # dspy.Prediction and dspy.Example; read by key, since their attributes may be anything.
        return _read_mapping({key: result[key] for key in result}, weights)
    if not _is_number(result) and hasattr(result, "score"):
        found = {"score": result.score}
        for key in (*_FEEDBACK_KEYS, *_SUBSCORE_KEYS):
            if getattr(result, key, None) is not None:
                found[key] = getattr(result, key)
        return _read_mapping(found, weights)
    return Judgement(read_score(result))


def _read_mapping(found: dict[str, Any], weights: Mapping[str, float] | None) -> Judgement:
    feedback = _feedback_of(found)
    named = next((found.pop(key) for key in _SUBSCORE_KEYS if isinstance(found.get(key), Mapping)), None)
    if "score" in found:
        score = read_score(found.pop("score"))
        parts = named if named is not None else {k: v for k, v in found.items() if _is_number(v) and _fits(v)}
        return Judgement(
            score, feedback, {str(k): read_score(v, f"sub-score '{k}'") for k, v in parts.items()}
        )
    parts = named if named is not None else found
    if not parts:
        raise ShapeProblem("it returned an empty mapping: give a 'score', or named sub-scores")
    wrong = [key for key, value in parts.items() if not _is_number(value)]
    if wrong and len(wrong) == len(parts):
        raise ShapeProblem(
            f"it returned a mapping without 'score' ({_listed(parts)}): give a 'score', or named sub-scores"
        )
    if wrong:
        raise ShapeProblem(f"sub-score '{wrong[0]}' is {_named(parts[wrong[0]])}, not a number from 0 to 1")
    subscores = {str(key): read_score(value, f"sub-score '{key}'") for key, value in parts.items()}
    return Judgement(weighted_mean(subscores, weights or {}), feedback, subscores)


def _read_sequence(result: tuple[Any, ...] | list[Any]) -> Judgement:
    numbers_in = [item for item in result if _is_number(item)]
    texts = [item for item in result if isinstance(item, str)]
    parts = [item for item in result if isinstance(item, Mapping)]
    others = len(result) - len(numbers_in) - len(texts) - len(parts) - sum(item is None for item in result)
    if len(numbers_in) != 1 or len(texts) > 1 or len(parts) > 1 or others:
        raise ShapeProblem(
            f"it returned a {type(result).__name__} of {len(result)}: give (score, feedback), "
            "or (score, feedback, sub-scores)"
        )
    subscores = {str(k): read_score(v, f"sub-score '{k}'") for k, v in (parts[0] if parts else {}).items()}
    return Judgement(read_score(numbers_in[0]), texts[0] if texts else None, subscores)


def read_score(value: Any, name: str = "the score") -> float:
    """A number from 0 to 1. Raises `ShapeProblem` with what was given instead."""
    if isinstance(value, str):
        raise ShapeProblem(f"{name} is the text {value[:40]!r}, not a number from 0 to 1")
    if not _is_number(value):
        raise ShapeProblem(f"{name} is {_named(value)}, not a number from 0 to 1")
    try:
        score = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeProblem(f"{name} is {_named(value)}, not a number from 0 to 1") from error
    if math.isnan(score):
        raise ShapeProblem(f"{name} is NaN, not a number from 0 to 1")
    if -1e-9 <= score <= 1 + 1e-9:
        return min(1.0, max(0.0, score))
    if 1 < score <= 100:
        raise ShapeProblem(
            f"{name} is {score:g}, outside 0 to 1: if that is percent, divide it by 100; "
            "if it is a count or a grade, divide it by the most it can be"
        )
    raise ShapeProblem(f"{name} is {score:g}, outside 0 to 1")


def _feedback_of(found: dict[str, Any]) -> str | None:
    for key in _FEEDBACK_KEYS:
        if key in found and not _is_number(found[key]):
            value = found.pop(key)
            if value is None:
                return None
            return value if isinstance(value, str) else str(value)
    return None


def _fits(value: Any) -> bool:
    """Whether a number beside a score can be a sub-score; a count of tokens, say, cannot."""
    return 0 <= float(value) <= 1


def _is_number(value: Any) -> bool:
    if isinstance(value, (bool, numbers.Number)):
        return not isinstance(value, complex)
    # numpy's and torch's scalars.
    return not isinstance(value, (str, bytes)) and hasattr(value, "item") and getattr(value, "ndim", 1) == 0


def _named(value: Any) -> str:
    if value is None:
        return "None (does every path of the metric return?)"
    return f"of type {type(value).__name__}"


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in list(names)[:6])
