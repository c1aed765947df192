"""A profile as a person reads it: columns in numbers, label balance as bars, findings. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from textual.content import Content

from core.data.profile import ColumnProfile, Finding, Profile
from core.wording import plural

from ...text import clean, count, short_count, table
from ...widgets.rows import fit_cell

_SIGNS = {"problem": ("✗", "$text-error"), "warning": ("!", "$text-warning"), "note": ("·", "$text-muted")}
_MOST_CLASSES = 12
_NAME = 18
_PARTS = ("train", "val", "test")


def summarize(profile: Profile) -> Content:
    """Rows, parts, rows lost."""
    text = plural(profile.rows, "row")
    if profile.parts:
        text += ": " + ", ".join(f"{name} {count(size)}" for name, size in profile.parts.items())
    line = Content(text)
    if profile.lost:
        line += Content.styled(f"; {count(profile.lost)} could not be read", "$text-error")
    return line


def describe_finding(finding: Finding) -> Content:
    """Severity, what, and how to mend it."""
    sign, style = _SIGNS[finding.severity]
    line = Content.styled(f"{sign} ", style) + Content(clean(finding.what))
    if finding.fix:
        line += Content.styled(f"\n  {clean(finding.fix)}", "$text-muted")
    return line


def describe_columns(profile: Profile, width: int) -> Content:
    """A line a column: what it holds, what is missing, how long or large its values are.

    Where that is too wide, the roles go (the columns pane has them), then the lengths and more.
    """
    rows = [["column", "role", "type", "missing", "distinct", "median (90 %)"]]
    rows += [_column_row(column) for column in profile.columns]
    for places in ((0, 1, 2, 3, 4, 5), (0, 2, 3, 4, 5), (0, 2, 3, 4), (0, 2, 3)):
        lines = table([[row[place] for place in places] for row in rows], _aligned(places))
        if max(map(len, lines)) <= width:
            break
    head, *rest = (line[:width] for line in lines)
    return Content("\n").join([Content.styled(head, "$text-muted"), *map(Content, rest)])


def _aligned(places: tuple[int, ...]) -> str:
    return "".join("<<<>><"[place] for place in places)


def _column_row(column: ColumnProfile) -> list[str]:
    name = clean(column.name)
    return [
        fit_cell(name, min(cell_len(name), _NAME)),
        column.role,
        column.type,
        count(column.missing) if column.missing else "–",
        short_count(column.distinct),
        _typical(column),
    ]


def _typical(column: ColumnProfile) -> str:
    if column.numbers is not None:
        return f"{column.numbers.median:g} ({column.numbers.p90:g})"
    if column.tokens is not None:
        return f"{column.tokens.median:.0f} ({column.tokens.p90:.0f}) tokens"
    return ""


def describe_balance(profile: Profile, width: int) -> Content:
    """For each label that is a class: a bar a class, with its rows and share."""
    blocks = [_balance_block(label, classes, width) for label, classes in profile.balance.items()]
    return Content("\n\n").join(blocks)


def _balance_block(label: str, classes: Mapping[str, Mapping[str, int]], width: int) -> Content:
    totals = {name: sum(parts.values()) for name, parts in classes.items()}
    largest, whole = max(totals.values()), sum(totals.values())
    names = list(totals)[:_MOST_CLASSES]
    name_width = min(max(len(clean(name)) for name in names), _NAME)
    bar_width = max(width - name_width - 16, 6)
    lines = [Content.styled(clean(label), "bold $text-success")]
    for name in names:
        length = max(round(bar_width * totals[name] / largest), 1)
        lines.append(
            Content(f"{fit_cell(clean(name), name_width)} ")
            + Content.styled("━" * length + " " * (bar_width - length), "$text-primary")
            + Content(f" {count(totals[name]):>6}")
            + Content.styled(f" {100 * totals[name] / whole:4.0f} %", "$text-muted")
        )
    if len(totals) > len(names):
        lines.append(
            Content.styled(
                f"… {plural(len(totals) - len(names), 'more class', 'more classes')}", "$text-muted"
            )
        )
    return Content("\n").join(lines)


def describe_split(profile: Profile, width: int = 80) -> Content:
    """Rows of each class in each part, with their share of the part where there is room for it."""
    grid, labels = _split_grid(profile, shares=True)
    if max(map(len, table(grid, "<>>>"))) > width:
        grid, labels = _split_grid(profile, shares=False)
    lines = [Content(line) for line in table(grid, "<>>>")]
    for place in labels:
        lines[place] = Content.styled(lines[place].plain, "bold $text-success")
    lines[0] = Content.styled(lines[0].plain, "$text-muted")
    return Content("\n").join(lines)


def _split_grid(profile: Profile, *, shares: bool) -> tuple[list[list[str]], list[int]]:
    """The cells, and the places of the lines that name a label."""
    sizes = [profile.parts.get(part, 0) for part in _PARTS]
    grid = [["", *_PARTS], ["rows", *(count(size) for size in sizes)]]
    labels = []
    for label, classes in profile.balance.items():
        labels.append(len(grid))
        grid.append([clean(label)[:_NAME], "", "", ""])
        for name, parts in list(classes.items())[:_MOST_CLASSES]:
            rows = [parts.get(part, 0) for part in _PARTS]
            cells = [_share(n, size) if shares else count(n) for n, size in zip(rows, sizes, strict=True)]
            grid.append([f"  {clean(name)[:_NAME]}", *cells])
    return grid, labels


def _share(rows: int, size: int) -> str:
    if not rows:
        return "0     "
    return f"{count(rows)} {100 * rows / size:3.0f} %" if size else count(rows)
