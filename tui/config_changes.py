"""What to write into compilot.toml so that it says what a recipe says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.recipe import Recipe


def find_changes(old: Recipe, new: Recipe) -> dict[str, Any]:
    """A tree of the file's shape that turns `old` into `new`; None removes a name."""
    before, after = old.to_dict(), new.to_dict()
    for recipe in (before, after):
        recipe.pop("workspace", None)
    return _differences(before, after)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = _differences(before, value)
            if inner:
                changes[name] = inner
        elif value != before:
            changes[name] = value
    return changes
