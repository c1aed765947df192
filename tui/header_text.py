"""The header's words: tabs, what is worked on, what a run lacks and the key that mends it. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from core.wording import plural

from .registry import PLACES
from .text import short_count, usd
from .widgets.foreign import foreign

if TYPE_CHECKING:
    from core.cost.estimate import Estimate
    from core.recipe import Recipe

    from .session import Session


class Missing(NamedTuple):
    """Something a run still lacks."""

    what: str
    key: str
    """Of the place that mends it."""


def describe_tabs(place: str, workspace: str, width: int) -> Content:
    """The six places with their keys, the open one marked, and the folder's name at the right."""
    parts = [
        Content.styled(f" {key} {title} ", "bold $text on $primary-muted" if name == place else "$text-muted")
        for key, (name, title) in enumerate(PLACES.items(), start=1)
    ]
    tabs = Content("").join(parts)
    room = width - tabs.cell_length - 1
    name = foreign(workspace, "bold")
    if name.cell_length > room:
        return tabs
    return tabs + Content(" " * (room - name.cell_length + 1)) + name


def place_at(column: int) -> str | None:
    """The place whose tab is at this column of the line."""
    start = 0
    for name, title in PLACES.items():
        end = start + len(title) + 4
        if start <= column < end:
            return name
        start = end
    return None


def describe_work(session: Session, width: int) -> Content:
    """Program, data, metric, optimizer, estimate and live runs, as far as they fit; first what is missing."""
    if session.problem is not None:
        what = session.problem.what
        named = what if what.startswith("compilot.toml") else f"compilot.toml: {what}"
        return _fit([foreign(named, "$text-error")], width)
    if session.draft is None:
        return Content("no workspace here yet")
    recipe = session.draft
    parts: list[Content] = []
    if session.live_runs:
        parts.append(Content.styled(f"{plural(session.live_runs, 'live run')} (5)", "$text-success"))
    parts += [
        Content.styled(f"{lack.what} ({lack.key})", "$text-warning")
        for lack in find_missing(recipe, session.root)
    ]
    files = recipe.data.path or recipe.data.train or "no data"
    parts += [
        foreign(_short(recipe.program.target)),
        foreign(files.rpartition("/")[2]),
        foreign(_short(recipe.metric.target)),
        foreign((recipe.optimizer.name if recipe.optimizer else "") + ("*" if session.unsaved else "")),
    ]
    if session.estimate is not None:
        parts.append(Content.styled(describe_cost(session.estimate), "$text"))
    return _fit([part for part in parts if part.plain], width)


def describe_cost(estimate: Estimate) -> str:
    total = estimate.total
    cost = usd(total.usd.expected) if total.usd is not None else "price unknown"
    if total.usd is not None and total.usd.high == 0:
        cost = "free"
    return f"≈ {short_count(total.calls.expected)} calls, {cost}"


def find_missing(recipe: Recipe, root: Path) -> list[Missing]:
    """What a run lacks, as far as a look at files, names and keys can tell."""
    # Where keys may be costs an import that the first frame does without.
    from core.models.roles import fill_roles
    from core.models.secrets import key_state

    found = []
    if not _target_exists(recipe.program.target, root):
        found.append(Missing("program file missing", "2"))
    files = [name for name in (recipe.data.path, recipe.data.train, recipe.data.val) if name]
    if not files:
        found.append(Missing("no data", "1"))
    elif any("*" not in name and "://" not in name and not (root / name).exists() for name in files):
        found.append(Missing("data file missing", "1"))
    if not _target_exists(recipe.metric.target, root):
        found.append(Missing("metric file missing", "3"))
    if recipe.optimizer is None:
        found.append(Missing("no optimizer", "4"))
    keys = {key_state(profile) for profile in fill_roles(recipe.models).values()}
    found += [
        Missing(f"{name} is not set", "4")
        for name in sorted({k.name for k in keys if k.name and not k.present})
    ]
    return found


def _target_exists(target: str, root: Path) -> bool:
    file, _, _ = target.partition(":")
    return not file.endswith(".py") or (root / file).exists()


def _short(target: str) -> str:
    """`pipeline.py:TriagePipeline` → `TriagePipeline`; an inline signature stays."""
    return target if "->" in target else target.rpartition(":")[2]


def _fit(parts: list[Content], width: int) -> Content:
    line = Content("")
    for part in parts:
        added = line + Content(" · ") + part if line.plain else part
        if added.cell_length > width:
            return line if line.plain else part.truncate(width, ellipsis=True)
        line = added
    return line
