"""The metrics that come with Compilot, each declared once: what it measures and what it takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ...errors import MetricError
from . import compare
from .composite import CompositeMetric
from .fields import FieldMetric, JsonMetric
from .judge import DEFAULT_RUBRIC, RubricJudge, SemanticMetric


class MetricParam(msgspec.Struct, frozen=True):
    """One argument of a built-in metric."""

    name: str
    type: Any
    default: Any
    meaning: str
    required: bool = False


class BuiltinMetric(msgspec.Struct, frozen=True):
    """A metric that `[metric] target = "builtin:NAME"` names."""

    name: str
    summary: str
    make: Callable[[dict[str, Any], Path], Callable[..., Any]]
    params: tuple[MetricParam, ...] = ()
    asks_model: bool = False
    """Whether it calls a model, under the role judge."""


FIELDS = MetricParam("fields", list[str], [], "label fields to compare (default: those that the answer has)")


def _by_field(name: str, summary: str, compare_values: compare.Comparison) -> BuiltinMetric:
    return BuiltinMetric(
        name, summary, lambda p, root: FieldMetric(name, compare_values, p["fields"]), (FIELDS,)
    )


def _make_numeric(params: dict[str, Any], root: Path) -> FieldMetric:
    tolerant = partial(compare.compare_numbers, absolute=params["absolute"], relative=params["relative"])
    return FieldMetric("numeric_tolerance", tolerant, params["fields"])


def _make_regex(params: dict[str, Any], root: Path) -> FieldMetric:
    try:
        pattern = re.compile(params["pattern"], re.IGNORECASE if params["ignore_case"] else 0)
    except re.error as error:
        raise MetricError(
            f"The pattern is no regular expression: {error}.",
            where="compilot.toml [metric] params.pattern",
            fix="mend the pattern; in TOML write it in single quotes",
        ) from error
    return FieldMetric("regex", partial(compare.compare_pattern, pattern=pattern), params["fields"])


BUILTINS: dict[str, BuiltinMetric] = {
    builtin.name: builtin
    for builtin in (
        _by_field("exact_match", "the answer equals the label", compare.compare_exactly),
        _by_field(
            "normalized_match",
            "equal but for case, accents, punctuation, articles and spaces; any of a list of right answers",
            compare.compare_normalized,
        ),
        _by_field("contains", "the label stands in the answer, as whole words", compare.compare_containing),
        _by_field("token_f1", "F1 of the words that answer and label share", compare.compare_tokens),
        BuiltinMetric(
            "numeric_tolerance",
            "the number in the answer is the label's, within a tolerance",
            _make_numeric,
            (
                FIELDS,
                MetricParam("absolute", float, 0.0, "how far off it may be"),
                MetricParam("relative", float, 0.01, "how far off it may be, as a part of the larger number"),
            ),
        ),
        _by_field(
            "set_precision",
            "part of the answered items that are right",
            partial(compare.compare_sets, part="precision"),
        ),
        _by_field(
            "set_recall",
            "part of the right items that are answered",
            partial(compare.compare_sets, part="recall"),
        ),
        _by_field("set_f1", "F1 of answered and right items", partial(compare.compare_sets, part="f1")),
        BuiltinMetric(
            "json_match",
            "part of the leaves of structured answers that are right, each a sub-score",
            lambda p, root: JsonMetric(p["fields"]),
            (FIELDS,),
        ),
        _by_field("levenshtein", "1 minus the edit distance over the longer length", compare.compare_edits),
        _by_field("rouge_l", "F1 of the longest common subsequence of words", compare.compare_rouge),
        BuiltinMetric(
            "regex",
            "the answer matches a regular expression",
            _make_regex,
            (
                FIELDS,
                MetricParam("pattern", str, "", "what to find in the answer", required=True),
                MetricParam("ignore_case", bool, False, "whether upper and lower case are the same"),
            ),
        ),
        BuiltinMetric(
            "llm_judge",
            "a model scores the answer by a rubric",
            lambda p, root: RubricJudge(p["rubric"], p["fields"]),
            (FIELDS, MetricParam("rubric", str, DEFAULT_RUBRIC, "what the judge goes by")),
            asks_model=True,
        ),
        BuiltinMetric(
            "semantic_f1",
            "a model compares the ideas in answer and label (dspy's SemanticF1)",
            lambda p, root: SemanticMetric(p["fields"], p["decompositional"]),
            (FIELDS, MetricParam("decompositional", bool, False, "list the ideas first; better and dearer")),
            asks_model=True,
        ),
        BuiltinMetric(
            "composite",
            "several metrics as weighted parts of one",
            lambda p, root: CompositeMetric(p["parts"], root),
            (MetricParam("parts", dict[str, Any], {}, "name → metric target, or a table", required=True),),
        ),
    )
}


def make_builtin(name: str, params: Mapping[str, Any], root: Path) -> Callable[..., Any]:
    """The built-in metric of that name. Raises `MetricError`: no such metric, unknown or wrong params."""
    builtin = BUILTINS.get(name)
    if builtin is None:
        near = difflib.get_close_matches(name, BUILTINS, n=2)
        raise MetricError(
            f"There is no built-in metric '{name}'.",
            where="compilot.toml [metric] target",
            fix=f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(BUILTINS)}",
        )
    return builtin.make(_settle(builtin, params), root)


def _settle(builtin: BuiltinMetric, params: Mapping[str, Any]) -> dict[str, Any]:
    known = {param.name: param for param in builtin.params}
    for key in params:
        if key not in known:
            raise MetricError(
                f"builtin:{builtin.name} has no param '{key}'.",
                where=f"compilot.toml [metric] params.{key}",
                fix=f"it takes {', '.join(known)}",
            )
    settled = {}
    for param in builtin.params:
        if param.required and param.name not in params:
            raise MetricError(
                f"builtin:{builtin.name} needs '{param.name}': {param.meaning}.",
                where=f"compilot.toml [metric] params.{param.name}",
                fix=f"set params = {{ {param.name} = … }}",
            )
        try:
            settled[param.name] = msgspec.convert(params.get(param.name, param.default), param.type)
        except msgspec.ValidationError as error:
            raise MetricError(
                f"builtin:{builtin.name}: '{param.name}' is of the wrong type: {error}.",
                where=f"compilot.toml [metric] params.{param.name}",
                fix=param.meaning,
            ) from error
    return settled
