"""Which argument of a metric is which: any order, any of the usual names, positional or by keyword."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import MetricError
from ..wording import plural

Part = Literal["example", "pred", "trace", "pred_name", "pred_trace", "program_trace"]
PARTS: tuple[Part, ...] = ("example", "pred", "trace", "pred_name", "pred_trace", "program_trace")

_NAMES: dict[str, Part] = {
    **dict.fromkeys(
        ("example", "ex", "gold", "golden", "gt", "ground_truth", "truth", "expected", "reference", "target"),
        "example",
    ),
    **dict.fromkeys(
        (
            "pred",
            "prediction",
            "predicted",
            "preds",
            "output",
            "outputs",
            "result",
            "actual",
            "response",
            "got",
        ),
        "pred",
    ),
    **dict.fromkeys(("trace", "traces", "tr"), "trace"),
    **dict.fromkeys(("pred_name", "predictor_name", "component", "module_name"), "pred_name"),
    **dict.fromkeys(("pred_trace", "predictor_trace"), "pred_trace"),
    "program_trace": "program_trace",
}


@dataclass(frozen=True)
class Shape:
    """How a metric is called."""

    positional: tuple[Part, ...]
    keywords: tuple[tuple[str, Part], ...]
    """Argument name → what it is given."""
    label: str
    """The signature as written."""
    is_async: bool = False

    @property
    def takes(self) -> frozenset[Part]:
        return frozenset(self.positional) | {part for _, part in self.keywords}

    def arrange(self, given: dict[Part, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments for one call."""
        return [given[part] for part in self.positional], {name: given[part] for name, part in self.keywords}


def read_shape(
    function: Callable[..., Any], *, where: str = "", bound: frozenset[str] = frozenset()
) -> Shape:
    """How to call this metric; `bound` are arguments that are given already.

    Raises `MetricError` when it takes neither an example and a prediction, or needs more than dspy gives.
    """
    called = callee(function)
    is_async = inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004  # whether it is async, not whether it exists
    )
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return Shape(("example", "pred"), (), "(…)", is_async)
    parameters = [p for p in signature.parameters.values() if p.name not in bound]
    shape = _assign(parameters, str(signature), is_async, where)
    if not {"example", "pred"} <= shape.takes:
        count = len([p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)])
        raise MetricError(
            f"The metric takes {plural(count, 'argument')}, {signature}, "
            "but it is given an example and a prediction.",
            where=where,
            fix="write it as def metric(example, pred, trace=None)",
        )
    return shape


def callee(function: Any) -> Any:
    """What carries the signature: a dspy.Module's `forward`, else the thing itself."""
    if not inspect.isroutine(function) and hasattr(function, "named_predictors"):
        return type(function).forward.__get__(function)
    return function


def _assign(parameters: list[inspect.Parameter], label: str, is_async: bool, where: str) -> Shape:
    if (
        parameters
        and parameters[0].name in ("self", "cls")
        and parameters[0].default is inspect.Parameter.empty
    ):
        raise MetricError(
            f"The metric is a method without its object: {label}.",
            where=where,
            fix="name a function, a class that can be called, or an instance (metric = MyMetric())",
        )
    by_name = {p.name: _NAMES[p.name] for p in parameters if p.name in _NAMES}
    # Two names of one part (`def metric(gold, expected)`): names say nothing then, position does.
    if len(set(by_name.values())) < len(by_name):
        by_name = {}
    positional: list[Part] = []
    keywords: list[tuple[str, Part]] = []
    free = [part for part in PARTS if part not in by_name.values()]
    open_positions = True
    for parameter in parameters:
        kind = parameter.kind
        if kind is parameter.VAR_POSITIONAL:
            if open_positions:
                following = list(itertools.takewhile(free.__contains__, PARTS[len(positional) : -1]))
                positional.extend(following)
                free = [part for part in free if part not in following]
            continue
        if kind is parameter.VAR_KEYWORD:
            keywords.extend((part, part) for part in free if part not in ("example", "pred", "program_trace"))
            free = []
            continue
        part = by_name.get(parameter.name)
        if part is None:
            # Without a telling name: by position, unless its default says that it is an option of its own.
            if parameter.default not in (parameter.empty, None):
                open_positions = open_positions and kind is parameter.KEYWORD_ONLY
                continue
            if not free or kind is parameter.KEYWORD_ONLY:
                if parameter.default is parameter.empty:
                    raise MetricError(
                        f"The metric needs an argument '{parameter.name}' that nobody gives: {label}.",
                        where=where,
                        fix="take example, pred, trace, pred_name and pred_trace only, or give it a default",
                    )
                continue
            part = free.pop(0)
        if kind is parameter.KEYWORD_ONLY or not (open_positions or kind is parameter.POSITIONAL_ONLY):
            keywords.append((parameter.name, part))
        else:
            positional.append(part)
    return Shape(tuple(positional), tuple(keywords), label, is_async)
