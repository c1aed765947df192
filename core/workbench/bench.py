"""What a job has on its bench: the recipe's program, metric, data and models, loaded when asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import dspy
import msgspec

from ..data import Row, Splits, load_splits, to_examples
from ..errors import DataError
from ..metrics.adapt import AdaptedMetric, load_metric
from ..models.meter import Meter
from ..models.roles import fill_roles
from ..programs.imports import ProjectFinder, open_project
from ..programs.load import load_program, watch_settings
from ..recipe import Recipe, Role


class Bench:
    """One job's view of a workspace. Imports the user's code: only in a child process."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.root = Path(params["root"])
        self.recipe: Recipe = msgspec.convert(params["recipe"], Recipe)
        self.project: ProjectFinder = open_project(self.root)
        self.project.overlay = {
            str((self.root / name).resolve()): text for name, text in params.get("sources", {}).items()
        }
        self.changed_settings: tuple[str, ...] = ()

    @cached_property
    def program(self) -> dspy.Module:
        with watch_settings() as watch:
            program = load_program(self.recipe.program, self.root)
        self.changed_settings += watch.changed
        return program

    @cached_property
    def metric(self) -> AdaptedMetric:
        with watch_settings() as watch:
            metric = load_metric(self.recipe.metric, self.root)
        self.changed_settings += watch.changed
        return metric

    @cached_property
    def splits(self) -> Splits:
        return load_splits(self.recipe.data, self.root, self.root / ".compilot")

    def choose_rows(self, count: int) -> list[Row]:
        """Rows to try things on: of val first, then train, evenly spread; the test part is left alone.

        Raises `DataError` when the data has none.
        """
        for rows in (self.splits.val, self.splits.val + self.splits.train, self.splits.test):
            if len(rows) >= count or (rows and rows is not self.splits.val):
                return spread(rows, count)
        raise DataError("The data has no rows.", where="compilot.toml [data]", fix="name a file with rows")

    def find_row(self, index: int | None) -> Row:
        """The row at that place in the data, or the first of val. Raises `DataError` where there is none."""
        if index is None:
            return self.choose_rows(1)[0]
        rows = [*self.splits.val, *self.splits.train, *self.splits.test]
        for row in rows:
            if row.index == index:
                return row
        raise DataError(f"The data has no row {index}.", where="row", fix=f"it has {len(rows)} rows, from 0")

    def examples(self, rows: list[Row]) -> list[dspy.Example]:
        if not self.recipe.data.inputs:
            raise DataError(
                "data.inputs is empty, so nothing says which fields the program may see",
                where="compilot.toml [data] inputs",
                fix=f"list the input fields; the data has {', '.join(rows[0].values) if rows else 'none'}",
            )
        return to_examples(rows, list(self.recipe.data.inputs), self.recipe.data.labels)

    @contextmanager
    def models(self) -> Iterator[tuple[dict[Role, dspy.LM], Meter]]:
        """Metered LMs for every role; the student's is dspy's current one inside the block."""
        threads = self.recipe.run.num_threads
        with (
            tempfile.TemporaryDirectory(prefix="compilot-") as folder,
            Meter.open(Path(folder), budget=self.recipe.budget, num_threads=threads) as meter,
        ):
            lms = {role: meter.lm(profile, role) for role, profile in fill_roles(self.recipe.models).items()}
            with dspy.context(lm=lms["student"]):
                yield lms, meter


def spread(rows: list[Row], count: int) -> list[Row]:
    """So many of the rows, evenly spaced, in their order."""
    if count >= len(rows):
        return list(rows)
    return [rows[position * len(rows) // count] for position in range(count)]
