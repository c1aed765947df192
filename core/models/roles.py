"""Which model serves which role: its own profile's, or the nearest one's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..errors import ModelError
from ..recipe import Role

T = TypeVar("T")
NEAREST: dict[Role, tuple[Role, ...]] = {
    "student": (),
    "teacher": ("student",),
    "reflection": ("proposer", "student"),
    "proposer": ("reflection", "student"),
    "judge": ("student",),
}
"""Where a role without a profile of its own looks, in this order."""


def fill_roles(given: Mapping[Role, T]) -> dict[Role, T]:
    """Something for every role. Raises `ModelError` where not even the student has one."""
    if "student" not in given:
        raise ModelError(
            "no model runs the program", where="models.student", fix="add a [models.student] section"
        )
    return {
        role: next(given[name] for name in (role, *others) if name in given)
        for role, others in NEAREST.items()
    }
