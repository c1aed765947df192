"""The checks of a dataset: each gives findings with their rows."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...wording import plural
from ..cells import cell_text, encode_json
from ..tokens import estimate_tokens
from .findings import Finding, RowAt, Sample
from .near import find_near_pairs

MOST_COMPARED = 50_000
"""Rows that are compared for near duplicates; of more, the first ones."""
_HUGE_TOKENS = 4000
_HUGE_TIMES = 20
_IMBALANCE = 10
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\U000e0000-\U000e007f]"
)
_NUMBER = re.compile(r"\s*-?\d+(?:[.,]\d+)?\s*")


def check_duplicates(samples: Sequence[Sample]) -> list[Finding]:
    """Rows with equal inputs: repeats, rows whose labels contradict, and copies in another part."""
    findings: list[Finding] = []
    same: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        same[_content(sample.inputs)].append(sample)
    copies = [group for group in same.values() if len(group) > 1]
    agreeing = [g for g in copies if len({_content(s.labels) for s in g}) == 1]
    conflicting = [g for g in copies if len({_content(s.labels) for s in g}) > 1]
    repeats = [sample.at for group in agreeing for sample in group[1:] if sample.part == group[0].part]
    if repeats:
        findings.append(
            Finding(
                kind="duplicate",
                severity="warning",
                what=f"{plural(len(repeats), 'row repeats', 'rows repeat')} an earlier row",
                rows=tuple(repeats),
                fix="exclude them: each costs calls and teaches nothing new",
            )
        )
    for group in conflicting:
        labels = sorted({_short(sample.labels) for sample in group})
        findings.append(
            Finding(
                kind="conflict",
                severity="problem",
                what=f"{len(group)} rows have the same input and different labels: {' / '.join(labels[:4])}",
                rows=tuple(sample.at for sample in group),
                fix="decide which label is right; no program can satisfy both",
            )
        )
    return findings + _check_leaks(copies)


def _check_leaks(copies: Iterable[list[Sample]]) -> list[Finding]:
    leaks: dict[str, list[RowAt]] = defaultdict(list)
    for group in copies:
        parts = sorted({sample.part for sample in group if sample.part is not None})
        if len(parts) > 1:
            leaks["/".join(parts)] += [sample.at for sample in group]
    return [
        Finding(
            kind="leak",
            severity="problem",
            what=f"the same input is in {parts.replace('/', ' and ')}: {len(rows):,} rows",
            rows=tuple(rows),
            part=parts,
            fix="exclude the copies: a score on rows that were learned from says nothing",
        )
        for parts, rows in sorted(leaks.items())
    ]


def check_near_duplicates(samples: Sequence[Sample]) -> list[Finding]:
    """Rows whose inputs are nearly the same, within a part and across parts."""
    looked_at = samples[:MOST_COMPARED]
    within: set[RowAt] = set()
    across: dict[str, set[RowAt]] = defaultdict(set)
    for first, second in find_near_pairs([_text(sample.inputs) for sample in looked_at]):
        one, other = looked_at[first], looked_at[second]
        if one.part == other.part or one.part is None or other.part is None:
            within |= {one.at, other.at}
        else:
            across["/".join(sorted((one.part, other.part)))] |= {one.at, other.at}
    limited = f" (of the first {MOST_COMPARED:,} rows)" if len(samples) > MOST_COMPARED else ""
    findings = [
        Finding(
            kind="near_leak",
            severity="warning",
            what=f"nearly the same input is in {parts.replace('/', ' and ')}: {len(rows):,} rows{limited}",
            rows=tuple(sorted(rows)),
            part=parts,
            fix="set data.group to what such rows share, or exclude the copies",
        )
        for parts, rows in sorted(across.items())
    ]
    if within:
        findings.append(
            Finding(
                kind="near_duplicate",
                severity="note",
                what=f"{len(within):,} rows are nearly the same as another{limited}",
                rows=tuple(sorted(within)),
            )
        )
    return findings


def check_texts(samples: Sequence[Sample]) -> list[Finding]:
    """Rows with empty inputs, missing labels, huge texts, control characters or undecodable ones."""
    empty: dict[str, list[RowAt]] = defaultdict(list)
    unlabelled: dict[str, list[RowAt]] = defaultdict(list)
    control, damaged = [], []
    tokens = []
    for sample in samples:
        for name, value in sample.inputs.items():
            if value is None or (isinstance(value, str) and not value.strip()):
                empty[name].append(sample.at)
        for name, value in sample.labels.items():
            if value is None:
                unlabelled[name].append(sample.at)
        text = _text(sample.inputs) + _text(sample.labels)
        tokens.append(estimate_tokens(text))
        if not text.isprintable() and _CONTROL.search(text):
            control.append(sample.at)
        if "\ufffd" in text:
            damaged.append(sample.at)
    findings = [
        Finding(
            kind="empty",
            severity="warning",
            what=f"input {name} is empty in {plural(len(rows), 'row')}",
            rows=tuple(rows),
            column=name,
            fix="exclude or fill them, unless the program is meant to cope",
        )
        for name, rows in empty.items()
    ]
    findings += [
        Finding(
            kind="missing",
            severity="warning",
            what=f"label {name} is missing in {len(rows):,} of {plural(len(samples), 'row')}",
            rows=tuple(rows),
            column=name,
            fix="label or exclude them, unless the metric needs no label",
        )
        for name, rows in unlabelled.items()
    ]
    limit = max(_HUGE_TOKENS, _HUGE_TIMES * statistics.median(tokens)) if tokens else 0
    huge = tuple(sample.at for sample, count in zip(samples, tokens, strict=True) if count > limit)
    for kind, rows, what, fix in (
        ("huge", huge, f"over {limit:,.0f} tokens (estimated)", "cut or exclude them: they cost most"),
        (
            "control_characters",
            tuple(control),
            "control or invisible characters",
            "look at them: text or attack?",
        ),
        ("damaged_text", tuple(damaged), "characters that were lost (shown as \ufffd)", "set data.encoding"),
    ):
        if rows:
            findings.append(
                Finding(
                    kind=kind,  # type: ignore[arg-type]
                    severity="warning",
                    what=f"{plural(len(rows), 'row has', 'rows have')} {what}",
                    rows=rows,
                    fix=fix,
                )
            )
    return findings


def check_labels(samples: Sequence[Sample], labels: Iterable[str]) -> list[Finding]:
    """Classes that are rare, out of balance, or the same but for case and spaces."""
    findings: list[Finding] = []
    for name in labels:
        rows_of: dict[str, list[RowAt]] = defaultdict(list)
        for sample in samples:
            for text in class_texts(sample.labels.get(name)):
                rows_of[text].append(sample.at)
        if not is_class_label(rows_of, len(samples)):
            continue
        counts = Counter({text: len(rows) for text, rows in rows_of.items()})
        findings += _check_variants(name, rows_of)
        rare = [text for text, count in counts.items() if count < 3]
        if rare:
            findings.append(
                Finding(
                    kind="rare_class",
                    severity="warning",
                    what=f"{name}: {plural(len(rare), 'class has', 'classes have')} fewer than 3 rows: "
                    f"{', '.join(sorted(rare)[:5])}",
                    rows=tuple(row for text in rare for row in rows_of[text]),
                    column=name,
                    fix="label more rows of them: they cannot be in train, val and test at once",
                )
            )
        (most, many), (least, few) = counts.most_common(1)[0], counts.most_common()[-1]
        if many >= _IMBALANCE * few and len(counts) > 1:
            findings.append(
                Finding(
                    kind="imbalance",
                    severity="note",
                    what=f"{name}: {most} has {many:,} rows and {least} {few:,}",
                    rows=tuple(rows_of[least]),
                    column=name,
                    fix="stratify by it, and choose a metric that counts classes alike",
                )
            )
    return findings


def _check_variants(name: str, rows_of: Mapping[str, list[RowAt]]) -> list[Finding]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for text in rows_of:
        spellings[" ".join(text.casefold().replace("_", " ").replace("-", " ").split())].append(text)
    return [
        Finding(
            kind="label_variants",
            severity="problem",
            what=f"{name} is spelled in several ways: {', '.join(map(repr, variants))}",
            rows=tuple(row for text in variants for row in rows_of[text]),
            column=name,
            fix="fix the rows to one spelling: a metric takes them for different classes",
        )
        for variants in spellings.values()
        if len(variants) > 1
    ]


def class_texts(value: Any) -> list[str]:
    """The classes a label names: itself, or, of a list, each member."""
    members = value if isinstance(value, list) else [value]
    return [text for member in members if (text := cell_text(member)) is not None]


def is_class_label(counts: Mapping[str, Any], rows: int) -> bool:
    """Whether a label looks like one of a few classes rather than free text."""
    return 1 < len(counts) <= min(100, max(rows // 2, 2)) and max(map(len, counts)) <= 100


def check_almost_numbers(columns: Mapping[str, Sequence[Any]], places: Sequence[RowAt]) -> list[Finding]:
    """Text columns in which nearly every cell is a number."""
    findings = []
    for name, values in columns.items():
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) < 20 or len(texts) < len([value for value in values if value is not None]):
            continue
        others = tuple(
            place
            for place, value in zip(places, values, strict=True)
            if isinstance(value, str) and not _NUMBER.fullmatch(value)
        )
        if others and len(others) <= 0.05 * len(texts):
            findings.append(
                Finding(
                    kind="almost_numbers",
                    severity="warning",
                    what=f"{name} is read as text because "
                    f"{plural(len(others), 'cell is no number', 'cells are no numbers')}",
                    rows=others,
                    column=name,
                    fix="fix those cells if the column is meant to hold numbers",
                )
            )
    return findings


def check_ids(samples: Sequence[Sample]) -> list[Finding]:
    """Rows whose id an earlier row of the same data has."""
    repeated = tuple(
        sample.at for sample in samples if "#" in sample.id and sample.id.rpartition("#")[2].isdigit()
    )
    if not repeated:
        return []
    return [
        Finding(
            kind="duplicate_id",
            severity="warning",
            what=f"{plural(len(repeated), 'row has', 'rows have')} an id that an earlier row has",
            rows=repeated,
            fix="give each row an id of its own, or choose another id column",
        )
    ]


def _content(values: Mapping[str, Any]) -> str:
    return encode_json({name: cell_text(value) for name, value in values.items()})


def _text(values: Mapping[str, Any]) -> str:
    return "\n".join(text for value in values.values() if (text := cell_text(value)) is not None)


def _short(values: Mapping[str, Any]) -> str:
    return _text(values).replace("\n", ", ")[:60]
