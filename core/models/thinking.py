"""What a profile says about thinking, in lm15's one form for all providers; or why the model cannot."""

from __future__ import annotations

import re

from dspy.lm15 import Reasoning

from ..errors import ModelError
from ..recipe import THINKING, THINKING_EFFORTS, THINKING_OFF, THINKING_OPEN, ModelProfile
from .prices import model_entry, split_model

_BUDGET_EFFORTS = ((1024, "minimal"), (2048, "low"), (8192, "medium"), (16384, "high"), (24576, "xhigh"))
"""lm15's own table; the budget is what goes over the wire, the word is its nearest meaning."""
_COUNT_TOKENS = ("anthropic", "gemini")
_ALWAYS_THINKS = re.compile(r"gemini-2\.5-pro|gemini-[3-9]|gemini-\d\d")


def reasoning_of(profile: ModelProfile, *, where: str = "models") -> Reasoning | None:
    """The thinking to ask for, or None to say nothing about it.

    `disabled` on a model that does not think says nothing. Raises `ModelError` where the model cannot think
    as asked: what a provider would ignore or silently change is refused here.
    """
    thinking = profile.thinking
    if thinking is None or thinking in THINKING_OPEN or profile.model.startswith("embedded/"):
        return None
    entry = model_entry(profile.model)
    thinks = not entry or entry.get("supports_reasoning") is True
    off = thinking in THINKING_OFF or (not isinstance(thinking, str) and thinking == 0)
    if not thinks:
        if off:
            return None
        raise _cannot(
            profile, where, "it is not a thinking model", "leave thinking out, or choose a thinking model"
        )
    if off:
        _check_can_stop(profile, where)
        return Reasoning(effort="off")
    if isinstance(thinking, str):
        if thinking not in THINKING_EFFORTS:
            raise ModelError(
                f"thinking = {thinking!r} is not known",
                where=f"{where}.thinking",
                fix=f"use one of {', '.join(THINKING)}, or a number of tokens",
            )
        return Reasoning(effort=thinking)
    return _budget_of(profile, thinking, where)


def _budget_of(profile: ModelProfile, tokens: int, where: str) -> Reasoning:
    entry = model_entry(profile.model)
    words_only = entry.get("supports_adaptive_thinking") and not entry.get("supports_legacy_thinking")
    if split_model(profile.model)[0] not in _COUNT_TOKENS or words_only:
        raise _cannot(profile, where, "it takes an effort, no number of tokens", "use low, medium or high")
    if tokens < 0:
        raise _cannot(
            profile, where, "a number of tokens cannot be negative", "give a positive number, or disabled"
        )
    if profile.max_tokens is not None and tokens >= profile.max_tokens:
        raise _cannot(
            profile,
            where,
            f"it counts into max_tokens = {profile.max_tokens}, which would leave nothing for the answer",
            "raise max_tokens above the thinking budget",
        )
    effort = next((word for most, word in _BUDGET_EFFORTS if tokens <= most), "max")
    return Reasoning(effort=effort, thinking_budget=tokens)


def _check_can_stop(profile: ModelProfile, where: str) -> None:
    entry = model_entry(profile.model)
    provider, name = split_model(profile.model)
    lowest = "minimal" if entry.get("supports_minimal_reasoning_effort") else "low"
    never = entry.get("thinking_always_on") or (
        provider in ("openai", "azure") and entry and entry.get("supports_none_reasoning_effort") is not True
    )
    if never or (provider in ("gemini", "vertex_ai") and _ALWAYS_THINKS.search(name)):
        raise _cannot(
            profile, where, "it cannot be kept from thinking", f'use thinking = "{lowest}", or another model'
        )


def _cannot(profile: ModelProfile, where: str, why: str, fix: str) -> ModelError:
    return ModelError(
        f"{profile.model} cannot do thinking = {profile.thinking!r}: {why}",
        where=f"{where}.thinking",
        fix=fix,
    )
