"""Loads what a recipe names: the program, the data, the metric and the models, each error with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import load_splits, to_examples
from ..errors import ConfigError, DataError
from ..metrics.adapt import load_metric
from ..models.gate import Warn
from ..models.meter import Meter, Notice
from ..models.roles import fill_roles
from ..optimizers import registry
from ..optimizers.supplied import is_supplied, load_optimizer
from ..programs.imports import open_project
from ..programs.load import load_program, watch_settings
from ..recipe import SPLITS, Recipe, Role
from ..wording import plural
from .folder import RunFolder
from .follow import load_state
from .recorder import Recorder

if TYPE_CHECKING:
    import dspy

    from .execute import Job

OpenModels = Callable[["dspy.Module", Mapping[str, Sequence[Any]]], tuple[Any, Mapping[Role, Any]]]
"""From the program and its splits to a meter and the LMs by role."""


def prepare_job(
    recipe: Recipe,
    folder: RunFolder,
    root: Path,
    recorder: Recorder,
    *,
    attempt: int,
    on_warning: Callable[[Warn], None],
    open_models: OpenModels | None = None,
) -> Job:
    """Everything loaded and metered. Imports the user's code: only for a run's own process.

    `open_models` gives other LMs than those of the recipe, with what counts their calls.
    """
    from .execute import Job

    if recipe.optimizer is None:
        raise ConfigError("no optimizer is chosen", where="optimizer.name", fix="name one, e.g. GEPA")
    name = recipe.optimizer.name
    optimizer = None if is_supplied(name) else registry.get(name)
    import dspy  # noqa: F401 - before the user's folder is importable, so that no file of theirs shadows its parts

    os.chdir(root)
    project = open_project(root)
    for warning in project.warnings:
        recorder.warn(warning)
    with watch_settings() as watch:
        program = load_program(recipe.program, root)
        metric = load_metric(recipe.metric, root)
        optimizer = optimizer or load_optimizer(name, root, recipe.optimizer.params)
    if watch.changed:
        recorder.log(
            f"the workspace's code sets dspy's {', '.join(watch.changed)}; the run's own take their place"
        )
    parts = load_splits(recipe.data, root, root / ".compilot")
    for note in parts.notes:
        recorder.warn(note)
    splits = {
        name: to_examples(parts.part(name), input_fields(recipe, parts.part(name)), recipe.data.labels)
        for name in ("train", "val", "test")
    }
    for name in ("train", "val"):
        if not splits[name]:
            raise _empty_part(name, sum(map(len, splits.values())))
    if open_models is None:
        meter, lms = _open_models(recipe, folder, recorder, attempt, on_warning)
    else:
        meter, lms = open_models(program, splits)
    return Job(
        recipe=recipe,
        folder=folder,
        optimizer=optimizer,
        program=program,
        splits=splits,  # type: ignore[arg-type]
        metric=metric,
        meter=meter,
        lms=lms,
        recorder=recorder,
        workspace=root,
        attempt=attempt,
        data_hash=parts.hash,
    )


def _empty_part(name: str, total: int) -> DataError:
    where = f"data.split.{name}"
    if total < len(SPLITS):
        return DataError(
            f"too few rows: of {plural(total, 'row')} none is left for the {name} part",
            where=where,
            fix="add rows: from 20 on it is worth optimizing",
        )
    return DataError(f"the {name} part is empty", where=where, fix="give it a larger share of the rows")


def _open_models(
    recipe: Recipe,
    folder: RunFolder,
    recorder: Recorder,
    attempt: int,
    on_warning: Callable[[Warn], None],
) -> tuple[Meter, Mapping[Role, Any]]:
    """The recipe's own models, metered."""
    before = load_state(folder.path)

    def on_notice(notice: Notice) -> None:
        recorder.warn(notice.text, where=f"models.{notice.role}")

    meter = Meter.open(
        folder.path,
        budget=recipe.budget,
        num_threads=recipe.run.num_threads,
        attempt=attempt,
        seconds=before.earlier_seconds,
        on_warning=on_warning,
        on_notice=on_notice,
    )
    return meter, {role: meter.lm(profile, role) for role, profile in fill_roles(recipe.models).items()}


def input_fields(recipe: Recipe, rows: Sequence[Any]) -> list[str]:
    """The input fields of the data; they must be named, since a label given to the program would leak."""
    if not recipe.data.inputs:
        columns = ", ".join(rows[0].values) if rows else "none"
        raise DataError(
            "data.inputs is empty, so nothing says which fields the program may see",
            where="data.inputs",
            fix=f"list the input fields; the data has {columns}",
        )
    return list(recipe.data.inputs)
