"""What can be said of a split: classes and groups in the right parts, sizes that fit the guide's advice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ...recipe import SPLITS
from ...wording import plural
from .checks import class_texts, is_class_label
from .findings import Finding, Sample

FEWEST = 20
"""Below this many rows, few-shot prompting by hand does better than optimizing."""
GOOD_START = (50, 100)
EXPENSIVE_VAL = 15
_SMALL_VAL = 10


def check_split(samples: Sequence[Sample], labels: Iterable[str]) -> list[Finding]:
    """Classes that a part lacks, groups in two parts, and sizes against the guide's advice."""
    parts = {part: [sample for sample in samples if sample.part == part] for part in SPLITS}
    filled = [part for part in SPLITS if parts[part]]
    findings = _check_sizes({part: len(rows) for part, rows in parts.items()})
    for name in labels:
        findings += _check_classes(samples, name, filled)
    return findings + _check_groups(samples)


def _check_classes(samples: Sequence[Sample], name: str, parts: Sequence[str]) -> list[Finding]:
    rows_of: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.part is not None:
            for text in class_texts(sample.labels.get(name)):
                rows_of[text].append(sample)
    if not is_class_label(rows_of, len(samples)):
        return []
    findings = []
    for text, members in sorted(rows_of.items()):
        held = Counter(sample.part for sample in members)
        lacking = [part for part in parts if not held[part]]  # type: ignore[index]
        if not lacking:
            continue
        possible = len(members) >= len(parts)
        findings.append(
            Finding(
                kind="class_missing",
                severity="warning",
                what=f"{name} {text[:40]!r} ({plural(len(members), 'row')}) "
                f"is not in {' nor '.join(lacking)}",
                rows=tuple(sample.at for sample in members),
                part="/".join(lacking),
                column=name,
                fix=f"stratify by {name}" if possible else "label more rows of it",
            )
        )
    return findings


def _check_groups(samples: Sequence[Sample]) -> list[Finding]:
    parts_of: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if sample.group is not None and sample.part is not None:
            parts_of[sample.group].add(sample.part)
    straddling = {group for group, parts in parts_of.items() if len(parts) > 1}
    if not straddling:
        return []
    return [
        Finding(
            kind="group_straddles",
            severity="problem",
            what=f"{plural(len(straddling), 'group is', 'groups are')} in more than one part: "
            f"{', '.join(sorted(straddling)[:5])}",
            rows=tuple(sample.at for sample in samples if sample.group in straddling),
            fix="forget the frozen split and make it anew, or move the rows between the files",
        )
    ]


def _check_sizes(sizes: dict[str, int]) -> list[Finding]:
    total, train, val = sum(sizes.values()), sizes["train"], sizes["val"]
    findings = []
    if total < FEWEST:
        findings.append(
            Finding(
                kind="small",
                severity="warning",
                what=f"{plural(total, 'example')}: too few to optimize with (under {FEWEST})",
                fix="prompt with the examples by hand for now, and collect more",
            )
        )
    elif train < GOOD_START[0]:
        findings.append(
            Finding(
                kind="advice",
                severity="note",
                what=f"{train} training examples; {GOOD_START[0]} to {GOOD_START[1]} are a good start",
            )
        )
    if val > EXPENSIVE_VAL:
        findings.append(
            Finding(
                kind="large_val",
                severity="note",
                what=f"{val} val examples: each full evaluation runs them all",
                fix=f"for expensive runs keep {_SMALL_VAL} to {EXPENSIVE_VAL}, stratified: split.val = 12",
            )
        )
    if 0 < val < _SMALL_VAL:
        findings.append(
            Finding(
                kind="advice",
                severity="warning",
                what=f"{val} val examples: one row moves the score by {100 / val:.0f} points",
                fix=f"keep val at {_SMALL_VAL} to {EXPENSIVE_VAL}",
            )
        )
    if not sizes["test"]:
        findings.append(
            Finding(
                kind="advice",
                severity="note",
                what="no test part: the final score will be on rows that the optimizer chose by",
                fix="set split.test, or data.test",
            )
        )
    return findings
