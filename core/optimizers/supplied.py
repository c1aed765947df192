"""An optimizer of the person's own, named `file.py:attr`: a DSPy optimizer class or a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptimizerError
from . import registry
from .base import CompileInputs, Optimizer
from .facts import Facts
from .plan import Work
from .spec import Parameter, ParameterType, Params, Spec

if TYPE_CHECKING:
    import dspy

_TYPES: dict[type, ParameterType] = {bool: "bool", int: "int", float: "float", str: "str"}


def is_supplied(name: str) -> bool:
    """Whether an optimizer's name is a place in the person's own code."""
    return ":" in name


def find_spec(name: str, params: Params) -> Spec:
    """The declaration of a registered optimizer; of the person's own, what is known without its code."""
    return _declare(name, params, "") if is_supplied(name) else registry.get(name).spec


def load_optimizer(name: str, root: Path, params: Params) -> Optimizer:
    """The person's own optimizer at this place; only for child processes.

    A class is made with `params` and with what its `__init__` names of metric, prompt_model, task_model,
    reflection_lm, teacher_settings, seed, num_threads and max_errors; its `compile`, or a function, is given
    what it names of these and of student, trainset, valset and lms. Raises `OptimizerError`.
    """
    from ..programs.load import load_attribute

    found = load_attribute(name, root, error=OptimizerError, what="optimizer.name")
    if isinstance(found, Optimizer):
        return found
    if not callable(found) and not callable(getattr(found, "compile", None)):
        raise OptimizerError(
            f"'{name}' is no optimizer: it is of type {type(found).__name__}",
            where="optimizer.name",
            fix="name a DSPy optimizer class, or a function that takes student, trainset and metric",
        )

    def build(inputs: CompileInputs, params: Params) -> dspy.Module:
        return _compile(found, inputs, params)

    def work(facts: Facts, params: Params) -> Work:
        raise OptimizerError(
            f"nobody knows beforehand what {name} will ask for",
            where="optimizer.name",
            fix="a dry run counts it: `compilot estimate --dry-run`",
        )

    return Optimizer(_declare(name, params, inspect.getdoc(found) or ""), build, work)


def _declare(name: str, params: Params, description: str) -> Spec:
    return Spec(
        name=name,
        summary=description.partition("\n")[0] or "The workspace's own optimizer.",
        description=description,
        parameters=tuple(_parameter(key, value) for key, value in params.items()),
        roles=("student", "teacher", "reflection", "proposer"),
        seed_use="What its own code does with the argument seed.",
    )


def _compile(found: Any, inputs: CompileInputs, params: Params) -> dspy.Module:
    """Call the person's optimizer with what it asks for by name."""
    import dspy

    from .watch import EvaluationWatch

    watch = EvaluationWatch(inputs, origin="the workspace's own optimizer")
    gepa = isinstance(found, type) and issubclass(found, dspy.GEPA)
    metric = inputs.metric.for_gepa() if gepa else inputs.metric.for_bootstrap()
    lms = inputs.lms
    offered: dict[str, Any] = {
        "metric": watch.watch_metric(metric),
        "student": inputs.student,
        "trainset": inputs.trainset,
        "valset": inputs.valset,
        "lms": dict(lms),
        "prompt_model": lms["proposer"],
        "task_model": lms["student"],
        "reflection_lm": lms["reflection"],
        "teacher_settings": {"lm": lms["teacher"]},
        "seed": inputs.seed,
        "num_threads": inputs.num_threads,
        "max_errors": watch.max_errors,
    }
    with watch.installed():
        if isinstance(found, type):
            made = found(**_accepted(found, offered, params))
            return made.compile(**_accepted(made.compile, offered, {}))
        compile_ = found.compile if callable(getattr(found, "compile", None)) else found
        return compile_(**_accepted(compile_, offered, params))


def _accepted(function: Callable[..., Any], offered: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """The arguments that a signature names, and the person's own, which it may take as it likes."""
    named = {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    return {**{name: value for name, value in offered.items() if name in named}, **params}


def _parameter(name: str, value: Any) -> Parameter:
    kind: ParameterType = "ints" if isinstance(value, (list, tuple)) else _TYPES.get(type(value), "str")
    return Parameter(
        name=name, type=kind, default=value, optional=True, meaning="an argument of the workspace's optimizer"
    )
