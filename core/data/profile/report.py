"""The profile of a dataset: its columns in numbers, its label balance, and every finding."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...recipe import SPLITS, DataSpec
from ...wording import plural
from ..cells import ColumnType, cell_text, values_type
from ..load import load_splits
from ..problems import Problem
from ..roles import RoleGuess, guess_roles
from ..rows import Splits
from ..table import Table, load_table
from ..tokens import estimate_tokens
from . import checks
from .findings import Finding, RowAt, Sample
from .split_checks import check_split

_MOST_CLASSES = 50


class Spread(msgspec.Struct, frozen=True):
    """Where a column's numbers lie."""

    lowest: float
    median: float
    p90: float
    highest: float
    mean: float


class ColumnProfile(msgspec.Struct, frozen=True):
    name: str
    role: str
    type: ColumnType
    missing: int
    distinct: int
    top: list[tuple[str, int]]
    """Most frequent values with their counts; of texts the first 80 characters."""
    tokens: Spread | None
    """Estimated tokens of the cells' texts; None for numbers and booleans."""
    numbers: Spread | None


class Profile(msgspec.Struct, frozen=True):
    name: str
    rows: int
    lost: int
    """Rows of the files that could not be read."""
    parts: dict[str, int]
    """Rows by part; empty for a file that is not split."""
    columns: list[ColumnProfile]
    balance: dict[str, dict[str, dict[str, int]]]
    """Label → class → part (`all` where unsplit) → rows, for labels that look like classes."""
    findings: list[Finding]


def profile_data(spec: DataSpec, root: Path, state_dir: Path | None = None) -> Profile:
    """The profile of a recipe's data, in its parts. Raises `DataError` as `load_splits` does."""
    return profile_splits(load_splits(spec, root, state_dir), spec)


def profile_splits(splits: Splits, spec: DataSpec) -> Profile:
    """The profile of loaded parts; row indices in findings are those of the files the rows came from."""
    samples = [
        Sample(
            at=RowAt(row.source, row.index),
            part=part,
            inputs={name: row.values.get(name) for name in spec.inputs},
            labels={name: value for name, value in row.values.items() if name not in spec.inputs},
            id=row.id if spec.id else "",
            group=row.group,
        )
        for part in SPLITS
        for row in splits.part(part)
    ]
    names = [*spec.inputs, *(samples[0].labels if samples else ())]
    values = {name: [{**s.inputs, **s.labels}.get(name) for s in samples] for name in names}
    roles = {name: "input" if name in spec.inputs else "label" for name in names}
    title = spec.path or ", ".join(dict.fromkeys(row.source for part in SPLITS for row in splits.part(part)))
    sizes: dict[str, int] = {part: len(splits.part(part)) for part in SPLITS}
    return _profile(title, samples, values, roles, splits.problems, sizes)


def profile_file(text: str, root: Path, *, format: str | None = None, encoding: str | None = None) -> Profile:
    """The profile of any file, its columns' roles guessed."""
    table = load_table(text, root, format=format, encoding=encoding)
    return profile_table(table, guess_roles([column.name for column in table.columns]))


def profile_table(table: Table, guess: RoleGuess) -> Profile:
    """The profile of a table that is not split."""
    roles = {column.name: guess.role_of(column.name) for column in table.columns}
    seen: Counter[str] = Counter()
    samples = []
    for index, record in enumerate(table.records):
        row_id = "" if guess.id is None else cell_text(record.values[guess.id]) or ""
        seen[row_id] += 1
        samples.append(
            Sample(
                at=RowAt(table.name, index),
                part=None,
                inputs={name: record.values[name] for name, role in roles.items() if role == "input"},
                labels={name: record.values[name] for name, role in roles.items() if role == "label"},
                id=row_id if seen[row_id] == 1 or not row_id else f"{row_id}#{seen[row_id]}",
            )
        )
    values = {
        column.name: [record.values[column.name] for record in table.records] for column in table.columns
    }
    return _profile(table.name, samples, values, roles, table.problems, {})


def _profile(
    name: str,
    samples: Sequence[Sample],
    values: Mapping[str, Sequence[Any]],
    roles: Mapping[str, str],
    problems: Sequence[Problem],
    parts: dict[str, int],
) -> Profile:
    labels = [column for column, role in roles.items() if role == "label"]
    findings = [*_report_problems(name, problems)]
    if parts:
        findings += check_split(samples, labels)
    findings += checks.check_duplicates(samples)
    findings += checks.check_near_duplicates(samples)
    findings += checks.check_texts(samples)
    findings += checks.check_labels(samples, labels)
    findings += checks.check_almost_numbers(values, [sample.at for sample in samples])
    findings += checks.check_ids(samples)
    order = {"problem": 0, "warning": 1, "note": 2}
    return Profile(
        name=name,
        rows=len(samples),
        lost=sum(problem.lost for problem in problems),
        parts=parts,
        columns=[_profile_column(column, roles[column], cells) for column, cells in values.items()],
        balance={label: counts for label in labels if (counts := _count_classes(samples, label))},
        findings=sorted(findings, key=lambda finding: order[finding.severity]),
    )


def _report_problems(name: str, problems: Sequence[Problem]) -> Iterable[Finding]:
    """Reading problems as findings, one a kind."""
    by_kind: dict[str, list[Problem]] = {}
    for problem in problems:
        by_kind.setdefault(problem.kind, []).append(problem)
    for kind, members in by_kind.items():
        lost = sum(problem.lost for problem in members)
        count = f"{len(members):,} times: " if len(members) > 1 else ""
        yield Finding(
            kind="unreadable",
            severity="problem" if lost else "warning",
            what=f"{kind.replace('_', ' ')}, {count}{members[0].what} ({members[0].where})",
            rows=tuple(RowAt(name, problem.row) for problem in members if problem.row is not None),
            column=members[0].column or "",
            fix=f"mend the file: {plural(lost, 'row is', 'rows are')} left out" if lost else "",
        )


def _profile_column(name: str, role: str, cells: Sequence[Any]) -> ColumnProfile:
    present = [cell for cell in cells if cell is not None]
    texts = [cell_text(cell) or "" for cell in present]
    counts = Counter(texts)
    numbers = [
        float(cell) for cell in present if isinstance(cell, (int, float)) and not isinstance(cell, bool)
    ]
    plain = all(isinstance(cell, (int, float, bool)) for cell in present)
    return ColumnProfile(
        name=name,
        role=role,
        type=values_type(cells),
        missing=len(cells) - len(present),
        distinct=len(counts),
        top=[(text[:80], count) for text, count in counts.most_common(5)],
        tokens=None if plain else _spread([estimate_tokens(text) for text in texts]),
        numbers=_spread(numbers),
    )


def _spread(numbers: Sequence[float]) -> Spread | None:
    ordered = sorted(number for number in numbers if number == number)
    if not ordered:
        return None
    return Spread(
        lowest=ordered[0],
        median=statistics.median(ordered),
        p90=ordered[min(int(len(ordered) * 0.9), len(ordered) - 1)],
        highest=ordered[-1],
        mean=statistics.fmean(ordered),
    )


def _count_classes(samples: Sequence[Sample], label: str) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for sample in samples:
        for text in checks.class_texts(sample.labels.get(label)):
            counts.setdefault(text, Counter())[sample.part or "all"] += 1
    if not checks.is_class_label(counts, len(samples)):
        return {}
    largest = sorted(counts.items(), key=lambda item: -item[1].total())
    return {text[:80]: dict(parts) for text, parts in largest[:_MOST_CLASSES]}
