"""From columns to program fields: roles, mapping, nested paths, JSON held in strings."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ..errors import DataError
from ..recipe import DataSpec

ColumnRole = Literal["input", "label", "ignored", "id", "group", "weight"]
_STEP = re.compile(r"[^.\[\]]+|\[-?\d+\]")
_MISSING = object()


def check_fields(
    wanted: Iterable[str], existing: Collection[str], *, where: str, field: str = "inputs"
) -> None:
    """Raises `DataError` naming the first wanted field that is not there, those that are, and the nearest."""
    for name in wanted:
        if name not in existing:
            near = difflib.get_close_matches(name, [str(known) for known in existing], 1, 0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise DataError(
                f"there is no column {name!r}",
                where=f"{where}, data.{field}",
                fix=f"{hint}columns: {', '.join(map(str, existing)) or 'none'}",
            )


def read_path(values: Mapping[str, Any], path: str) -> Any:
    """The value at a column or nested path (`answer.label`, `turns[0].text`); None where a step is missing.

    A column whose own name is the whole path wins over a nested one.
    """
    if path in values:
        return values[path]
    found: Any = values
    for step in _STEP.findall(path):
        found = _step_into(found, step)
        if found is _MISSING:
            return None
    return found


def _step_into(value: Any, step: str) -> Any:
    if step.startswith("["):
        position = int(step[1:-1])
        if isinstance(value, list) and -len(value) <= position < len(value):
            return value[position]
        return _MISSING
    if isinstance(value, Mapping) and step in value:
        return value[step]
    return _MISSING


def root_column(path: str, columns: Collection[str]) -> str:
    """The column that a path starts from."""
    if path in columns:
        return path
    steps = _STEP.findall(path)
    return steps[0] if steps else path


class FieldMap:
    """How one table's columns become the program's fields, by a recipe's data section.

    Raises `DataError` for a column that is named and does not exist.
    """

    def __init__(self, spec: DataSpec, columns: Sequence[str], *, where: str) -> None:
        self._json = spec.json_columns
        self._where = where
        for field, path in spec.map.items():
            check_fields([root_column(path, columns)], columns, where=where, field=f"map.{field}")
        mapped = {root_column(path, columns) for path in spec.map.values()}
        roles = {spec.id, spec.group, spec.weight}
        self.paths: dict[str, str] = {
            name: name
            for name in columns
            if name not in mapped and name not in spec.ignore and name not in roles and name not in spec.map
        }
        self.paths.update(spec.map)
        for name in (*spec.inputs, *(spec.labels or ())):
            if name not in self.paths and root_column(name, columns) in columns:
                self.paths[name] = name
        check_fields(spec.inputs, self.paths or columns, where=where, field="inputs")
        check_fields(spec.labels or (), self.paths or columns, where=where, field="labels")
        for field, names in (
            ("json_columns", spec.json_columns),
            ("ignore", spec.ignore),
            ("id", _one(spec.id)),
            ("group", _one(spec.group)),
            ("weight", _one(spec.weight)),
            ("stratify", stratify_fields(spec)),
        ):
            known = [*columns, *self.paths] if field == "stratify" else columns
            check_fields([root_column(name, known) for name in names], known, where=where, field=field)
        if spec.labels is not None:
            kept = {*spec.inputs, *spec.labels}
            self.paths = {name: path for name, path in self.paths.items() if name in kept}
        self.inputs = tuple(spec.inputs)
        self.labels = tuple(name for name in self.paths if name not in spec.inputs)

    def parse(self, values: dict[str, Any], row: int) -> dict[str, Any]:
        """The row with its JSON columns decoded. Raises `DataError` where one does not hold JSON."""
        if not self._json:
            return values
        parsed = dict(values)
        for name in self._json:
            parsed[name] = parse_json_cell(values.get(name), f"{self._where}, row {row:,}, column {name}")
        return parsed

    def apply(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A parsed row's values by program field name."""
        return {field: read_path(values, path) for field, path in self.paths.items()}


def parse_json_cell(cell: Any, where: str) -> Any:
    """The value that a string of JSON holds; missing and non-string cells stay as they are."""
    if not isinstance(cell, str) or not cell.strip():
        return cell
    try:
        return msgspec.json.decode(cell)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(
            f"the cell does not hold JSON: {error}",
            where=where,
            fix="take the column out of data.json_columns, or fix or exclude the row",
        ) from None


def stratify_fields(spec: DataSpec) -> tuple[str, ...]:
    """The fields to stratify by, always as a tuple."""
    if spec.stratify is None:
        return ()
    return (spec.stratify,) if isinstance(spec.stratify, str) else tuple(spec.stratify)


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)
