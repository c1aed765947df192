"""What a run needs of a dataset: its rows as program fields, in train, val and test."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..errors import DataError
from ..recipe import SPLITS, DataSpec, SplitName
from ..wording import plural
from .cells import cell_text, encode_json
from .fields import FieldMap, read_path, root_column, stratify_fields
from .freeze import freeze_path, load_frozen, number_copies, save_frozen
from .overlay import Overlay, load_overlay, lock_state
from .problems import Problem
from .rows import Row, Splits
from .split import UNUSED, Unit, assign_parts, bin_strata, part_sizes
from .table import Table, load_table

_LARGEST_COPY_SET = 0.05
"""Of all rows: more copies of one input than this are split like any rows; no part could hold them whole."""


class Dataset(msgspec.Struct, frozen=True):
    """One file's rows as the program sees them, before any split."""

    rows: list[Row]
    keys: list[str]
    """Each row's identity in the frozen split and the edits."""
    strata: list[Hashable]
    table: Table
    fields: FieldMap
    unmatched_edits: tuple[str, ...] = ()


def load_dataset(
    spec: DataSpec, text: str, root: Path, *, overlay: Overlay | None = None, field: str = "data.path"
) -> Dataset:
    """Reads one of a recipe's files and maps it to program fields; excluded rows are left out.

    Raises `DataError` when the file cannot be read, has no rows, or lacks a column the recipe names.
    """
    table = load_table(text, root, format=spec.format, encoding=spec.encoding, limit=spec.limit, field=field)
    if not table.records:
        lost = sum(problem.lost for problem in table.problems)
        fix = f"the first of {plural(lost, 'unreadable row')}: {table.problems[0].what}" if lost else ""
        raise DataError("the data has no rows", where=table.name, fix=fix)
    fields = FieldMap(spec, [column.name for column in table.columns], where=table.name)
    overlay = overlay or Overlay()
    rows: list[Row] = []
    kept_keys: list[str] = []
    strata_values: list[tuple[Any, ...]] = []
    stratify = stratify_fields(spec)
    names = _UniqueNames()
    keys = number_copies(record.hash for record in table.records)
    for index, (record, key) in enumerate(zip(table.records, keys, strict=True)):
        edited = overlay.apply(key, record.values)
        if edited is None:
            continue
        values = fields.parse(edited, index)
        mapped = fields.apply(values)
        rows.append(
            Row(
                index=index,
                id=names.take(_id_of(spec, values) or record.hash),
                values=mapped,
                hash=record.hash,
                source=table.name,
                weight=_weight_of(spec, values, table.name, index),
                group=None if spec.group is None else cell_text(read_path(values, spec.group)),
            )
        )
        kept_keys.append(key)
        strata_values.append(
            tuple(read_path(mapped if root_column(n, mapped) in mapped else values, n) for n in stratify)
        )
    if not rows:
        raise DataError("every row of the data is excluded", where=table.name, fix="take some rows back in")
    unmatched = tuple(sorted(overlay.edits.keys() - set(keys)))
    return Dataset(rows, kept_keys, _join_strata(strata_values), table, fields, unmatched)


def _join_strata(values: Sequence[tuple[Any, ...]]) -> list[Hashable]:
    """One stratum a row from its values of the fields to stratify by, each field binned on its own."""
    columns = [bin_strata(column) for column in zip(*values, strict=True)]
    return [tuple(row) for row in zip(*columns, strict=True)] if columns else [None] * len(values)


class _UniqueNames:
    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def take(self, name: str) -> str:
        self._seen[name] = count = self._seen.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"


def _id_of(spec: DataSpec, values: Mapping[str, Any]) -> str | None:
    return None if spec.id is None else cell_text(read_path(values, spec.id))


def _weight_of(spec: DataSpec, values: Mapping[str, Any], name: str, index: int) -> float:
    if spec.weight is None:
        return 1.0
    weight = read_path(values, spec.weight)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not weight >= 0:
        raise DataError(
            f"a weight is a number from 0 up, not {weight!r}",
            where=f"{name}, row {index:,}, column {spec.weight}",
            fix="fix or exclude the row, or take data.weight out",
        )
    return float(weight)


def load_splits(spec: DataSpec, root: Path, state_dir: Path | None = None, *, freeze: bool = True) -> Splits:
    """The recipe's data in its parts.

    A part with a file of its own is that file, whole; the others are split from `path` (or `train`). With a
    `state_dir` the split is frozen there on first use: rows added later join parts, and no row ever changes
    its part. Without one it is made afresh each time, the same for the same rows, whatever their order. With
    `freeze=False` edits and a frozen split are obeyed, and nothing is frozen: a look at what would be.
    Raises `DataError` when data is missing, unreadable, or too little for the split asked for.
    """
    overlay = load_overlay(state_dir)
    pool, carved, own = plan_parts(spec)
    parts: dict[SplitName, list[Row]] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    unmatched = set(overlay.edits)
    for name, text in own.items():
        dataset = load_dataset(spec, text, root, overlay=overlay, field=f"data.{name}")
        parts[name] = dataset.rows
        problems += dataset.table.problems
        unmatched &= set(dataset.unmatched_edits)
    if pool is not None:
        dataset = load_dataset(spec, pool, root, overlay=overlay)
        problems += dataset.table.problems
        unmatched &= set(dataset.unmatched_edits)
        assigned = split_dataset(spec, dataset, carved, state_dir, freeze=freeze)
        for row, part in zip(dataset.rows, assigned, strict=True):
            if part != UNUSED:
                parts.setdefault(part, []).append(row)  # type: ignore[arg-type]
        left_out = len(dataset.rows) - sum(len(parts.get(part, ())) for part in carved)
        if left_out:
            told = plural(left_out, "row is", "rows are")
            notes.append(f"{told} in no part, of {len(dataset.rows):,}: data.split does not use them")
    lost = sum(problem.lost for problem in problems)
    if lost:
        first = next(problem for problem in problems if problem.lost)
        told = plural(lost, "row that could not be read is", "rows that could not be read are")
        notes.append(f"{told} left out; first: {first.where}: {first.what}")
    if unmatched:
        told = plural(len(unmatched), "edit fits", "edits fit")
        notes.append(f"{told} no row of the data: rows have changed or are gone")
    return Splits(
        parts.get("train", []), parts.get("val", []), parts.get("test", []), problems, notes, overlay.hash
    )


def plan_parts(spec: DataSpec) -> tuple[str | None, tuple[SplitName, ...], dict[SplitName, str]]:
    """Which file is split, into which parts, and which parts are files of their own.

    `path` is split into every part that has no file. `train` alone, or with `test`, is split to give the
    missing ones; with `val` beside it nothing is taken from it, and without `test` there is no test part.
    """
    given: dict[SplitName, str] = {part: text for part in SPLITS if (text := getattr(spec, part)) is not None}
    if spec.path is not None:
        if "train" in given:
            raise DataError(
                "both path and train are given",
                where="data",
                fix="give path (to be split) or train, val and test files, not both",
            )
        return spec.path, tuple(part for part in SPLITS if part not in given), given
    if "train" not in given:
        raise DataError(
            "no data file is named", where="data", fix="set data.path, or data.train and data.val"
        )
    if "val" in given:
        return None, (), given
    train = given.pop("train")
    return train, tuple(part for part in SPLITS if part not in given), given


def split_dataset(
    spec: DataSpec,
    dataset: Dataset,
    parts: Sequence[SplitName] = SPLITS,
    state_dir: Path | None = None,
    *,
    freeze: bool = True,
) -> list[str]:
    """The part of each row (`unused` where the sizes leave some over).

    Frozen in `state_dir`, if given; with `freeze=False` only what is frozen there already is obeyed.
    """
    sizes = part_sizes(spec.split, len(dataset.rows), parts)
    units = [
        Unit(key=key, stratum=stratum, links=links)
        for key, stratum, links in zip(dataset.keys, dataset.strata, _links(dataset), strict=True)
    ]
    if state_dir is None or not freeze:
        known = {} if state_dir is None else load_frozen(spec, state_dir)
        return assign_parts(units, sizes, seed=spec.split.seed, decided=known)
    with lock_state(freeze_path(spec, state_dir).parent, "splits"):
        decided = load_frozen(spec, state_dir)
        assigned = assign_parts(units, sizes, seed=spec.split.seed, decided=decided)
        updated = {**decided, **dict(zip(dataset.keys, assigned, strict=True))}
        updated = {key: part for key, part in updated.items() if part != UNUSED}
        if updated != decided:
            save_frozen(spec, state_dir, updated)
    return assigned


def _links(dataset: Dataset) -> Iterable[tuple[Hashable, ...]]:
    """Ties rows of one group together, and rows with the same input: a train row's copy in test is a leak."""
    contents = [_input_text(dataset.fields, row) for row in dataset.rows]
    copies: dict[str, int] = {}
    for content in contents:
        copies[content] = copies.get(content, 0) + 1
    most = max(2, int(len(contents) * _LARGEST_COPY_SET))
    for row, content in zip(dataset.rows, contents, strict=True):
        links: list[Hashable] = []
        if row.group is not None:
            links.append(("group", row.group))
        if 1 < copies[content] <= most:
            links.append(("copy", content))
        yield tuple(links)


def _input_text(fields: FieldMap, row: Row) -> str:
    names = fields.inputs or tuple(row.values)
    return encode_json([cell_text(row.values.get(name)) for name in names])
