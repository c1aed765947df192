"""The models of a recipe, role by role, as rows of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.models.prices import price_of
from core.models.roles import NEAREST, fill_roles
from core.models.secrets import KeyState, key_state
from core.recipe import ROLES, ModelProfile, Recipe, Role

from .declared import price_text
from .sheet import write_value


@dataclass(frozen=True)
class Ping:
    """What one short question to a role's model gave."""

    seconds: float | None
    error: str | None = None


@dataclass(frozen=True)
class ModelRow:
    """One role."""

    role: Role
    profile: ModelProfile
    shared_from: Role | None
    """The role whose profile serves this one, where it has none of its own."""
    price: str
    key: KeyState
    called: bool
    """Whether the chosen optimizer calls it."""

    @property
    def key_text(self) -> str:
        if not self.key.name:
            return "no key needed"
        return f"{self.key.name} {'set' if self.key.present else 'is missing'}"

    @property
    def dials(self) -> str:
        """Temperature, longest answer and thinking; what is not set is the provider's."""
        profile = self.profile
        parts = []
        if profile.temperature is not None:
            parts.append(f"t {profile.temperature:g}")
        if profile.max_tokens is not None:
            parts.append(f"max {profile.max_tokens}")
        if profile.thinking is not None:
            parts.append(f"thinking {write_value(profile.thinking)}")
        return ", ".join(parts)


def list_models(recipe: Recipe, called: tuple[Role, ...] = ()) -> tuple[ModelRow, ...]:
    """A row for each role. Looks for keys in the environment and the keyring, so not for every keystroke."""
    filled = fill_roles(recipe.models)
    return tuple(
        ModelRow(
            role=role,
            profile=filled[role],
            shared_from=_source(role, recipe.models),
            price=price_text(price_of(filled[role])),
            key=key_state(filled[role]),
            called=role == "student" or role in called,
        )
        for role in ROLES
    )


def _source(role: Role, models: Mapping[Role, ModelProfile]) -> Role | None:
    if role in models:
        return None
    return next(other for other in NEAREST[role] if other in models)
