"""All optimizers by their DSPy names: one row each."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ..errors import OptimizerError
from . import (
    bootstrap_few_shot,
    bootstrap_optuna,
    bootstrap_random_search,
    copro,
    ensemble,
    gepa,
    infer_rules,
    knn_few_shot,
    labeled_few_shot,
    miprov2,
    simba,
)
from .base import Optimizer


@dataclass(frozen=True)
class Unavailable:
    """An optimizer of DSPy that cannot be run here, and what it would need."""

    name: str
    summary: str
    needs: str


_OPTIMIZERS = {
    optimizer.spec.name: optimizer
    for optimizer in (
        labeled_few_shot.OPTIMIZER,
        bootstrap_few_shot.OPTIMIZER,
        bootstrap_random_search.OPTIMIZER,
        bootstrap_optuna.OPTIMIZER,
        knn_few_shot.OPTIMIZER,
        copro.OPTIMIZER,
        miprov2.OPTIMIZER,
        simba.OPTIMIZER,
        gepa.OPTIMIZER,
        infer_rules.OPTIMIZER,
        ensemble.OPTIMIZER,
    )
}
UNAVAILABLE = {
    entry.name: entry
    for entry in (
        Unavailable(
            "BootstrapFinetune",
            "Finetunes a smaller model on a teacher's right answers.",
            "a model provider that finetunes (or a local one), and a data set large enough to train on",
        ),
        Unavailable(
            "BetterTogether",
            "Alternates prompt optimization and finetuning.",
            "the same as BootstrapFinetune: a model provider that finetunes",
        ),
        Unavailable(
            "GRPO",
            "Reinforcement learning of a local model's weights.",
            "a GPU, a local training server (dspy's Arbor provider) and open model weights",
        ),
    )
}


def names() -> list[str]:
    """DSPy class names of all optimizers that can be run."""
    return list(_OPTIMIZERS)


def get(name: str) -> Optimizer:
    """The optimizer of this DSPy class name (case does not matter).

    Raises `OptimizerError` for an unknown name, with the nearest ones, and for one that cannot be run here,
    with what it needs.
    """
    if ":" in name:
        raise OptimizerError(
            f"{name} is the workspace's own optimizer: nothing is declared about it",
            where="optimizer.name",
            fix="a dry run counts its calls: `compilot estimate --dry-run`",
        )
    by_lower = {known.lower(): known for known in (*_OPTIMIZERS, *UNAVAILABLE)}
    known = by_lower.get(name.lower(), name)
    if known in _OPTIMIZERS:
        return _OPTIMIZERS[known]
    if known in UNAVAILABLE:
        entry = UNAVAILABLE[known]
        raise OptimizerError(
            f"{entry.name} cannot be run here yet: it needs {entry.needs}",
            where="optimizer.name",
            fix="choose another one: " + ", ".join(_OPTIMIZERS),
        )
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.4)
    suggestion = " or ".join(by_lower[match] for match in near)
    raise OptimizerError(
        f"there is no optimizer `{name}`",
        where="optimizer.name",
        fix=f"did you mean {suggestion}?" if suggestion else "choose one of " + ", ".join(_OPTIMIZERS),
    )
