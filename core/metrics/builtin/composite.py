"""Several metrics as the named parts of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import MetricError
from ...recipe import MetricSpec


class CompositeMetric:
    """Each part's score is a sub-score, weighed by the recipe's `weights`; feedback names the part."""

    gives_feedback = True

    def __init__(self, parts: Mapping[str, Any], root: Path) -> None:
        from ..adapt import load_metric

        if not isinstance(parts, Mapping) or not parts:
            raise MetricError(
                "A composite metric needs parts.",
                where="compilot.toml [metric] params.parts",
                fix='write parts = { right = "builtin:exact_match", close = "builtin:token_f1" }',
            )
        self.parts = {name: load_metric(_spec_of(name, part), root) for name, part in parts.items()}

    def __call__(
        self, example: Any, pred: Any, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None
    ) -> dict[str, Any]:
        subscores: dict[str, float] = {}
        lines = []
        for name, metric in self.parts.items():
            verdict = metric(example, pred, trace, pred_name, pred_trace)
            if verdict.score is None:
                raise MetricError(f"part '{name}': {verdict.error}", where=verdict.where or "")
            subscores[name] = verdict.score
            if verdict.feedback:
                lines.append(f"{name}: {verdict.feedback}")
        return {"subscores": subscores, "feedback": "\n".join(lines)}


def _spec_of(name: str, part: Any) -> MetricSpec:
    if isinstance(part, str):
        return MetricSpec(target=part)
    if isinstance(part, Mapping) and isinstance(part.get("target"), str):
        return MetricSpec(target=part["target"], params=dict(part.get("params", {})))
    raise MetricError(
        f"Part '{name}' of the composite metric names no metric.",
        where=f"compilot.toml [metric] params.parts.{name}",
        fix='write "builtin:exact_match", or { target = "builtin:contains", params = { fields = ["a"] } }',
    )
