"""What models cost and can do, from the metadata that dspy bundles; offline, and without importing dspy."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from ..recipe import ModelProfile, Price

_PER_MILLION = 1_000_000
_NAMESPACES = {
    "vertex_ai": ("vertex_ai", "vertex_ai-language-models", "vertex_ai-anthropic_models", "gemini"),
    "ollama_chat": ("ollama",),
    "hosted_vllm": ("hosted_vllm", "vllm"),
    "moonshotai": ("moonshot",),
    "bedrock": ("bedrock", "bedrock_converse"),
}
"""Where the metadata files a provider's models, for providers that it names otherwise."""
_FAMILIES = (
    ("claude-", "anthropic"),
    ("gpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("chatgpt-", "openai"),
    ("gemini-", "gemini"),
    ("gemma-", "gemini"),
    ("grok-", "xai"),
)
_LONG_PROMPT = 100_000
"""Tokens below which no provider's long-prompt tier begins."""
_FREE = Price(input=0.0, output=0.0, cached_input=0.0)


def price_of(profile: ModelProfile | str) -> Price | None:
    """US dollars per million tokens: the profile's own price, else the bundled one, else None (unknown).

    Embedded models are free unless the profile sets a price.
    """
    name = profile if isinstance(profile, str) else profile.model
    if not isinstance(profile, str) and profile.price is not None:
        return profile.price
    if name.startswith("embedded/"):
        return _FREE
    entry = model_entry(name)
    costs = [_rate(entry, part) for part in ("input_cost_per_token", "output_cost_per_token")]
    if costs[0] is None or costs[1] is None:
        return None
    cached = _rate(entry, "cache_read_input_token_cost")
    return Price(
        input=costs[0] * _PER_MILLION,
        output=costs[1] * _PER_MILLION,
        cached_input=cached * _PER_MILLION if cached is not None else None,
    )


def bound_price_of(profile: ModelProfile, input_tokens: int) -> Price | None:
    """The most tokens can cost in a call of this size, over the tiers that can apply; for reservations."""
    price = price_of(profile)
    if price is None or profile.price is not None or profile.model.startswith("embedded/"):
        return price
    entry = model_entry(profile.model)
    long_prompt = input_tokens > _LONG_PROMPT
    priority = profile.options.get("service_tier") == "priority"

    def highest(*starts: str) -> float:
        rates = [
            rate
            for name in entry
            if name.startswith(starts)
            and not name.endswith(("_batches", "_flex"))
            and (long_prompt or "_above_" not in name)
            and (priority or not name.endswith("_priority"))
            and (rate := _rate(entry, name))
        ]
        return max(rates, default=0.0) * _PER_MILLION

    writes = ("cache_creation_input_token_cost",) if "prompt_cache" in profile.options else ()
    return Price(
        input=max(price.input, highest("input_cost_per_token", *writes)),
        output=max(price.output, highest("output_cost_per_token", "output_cost_per_reasoning_token")),
    )


def usd_of(price: Price, input_tokens: int, output_tokens: int, cached_input_tokens: int = 0) -> float:
    """What tokens cost. `input_tokens` includes cached ones, which cost the same where no rate is known."""
    cached_rate = price.input if price.cached_input is None else price.cached_input
    fresh = max(0, input_tokens - cached_input_tokens)
    total = fresh * price.input + cached_input_tokens * cached_rate + output_tokens * price.output
    return total / _PER_MILLION


def model_entry(model: str) -> Mapping[str, Any]:
    """What is known of a model (`provider/name`, or a bare name of a known family); empty if nothing."""
    provider, name = split_model(model)
    metadata = load_metadata()
    for space in _NAMESPACES.get(provider, (provider,)):
        found = metadata.get(f"{space}/{name}")
        if found is not None:
            return found
        bare = metadata.get(name)
        if bare is not None and bare.get("litellm_provider") == space:
            return bare
    return {}


def split_model(model: str) -> tuple[str, str]:
    """(provider, name). A bare name's provider is told by its family, and is "" where that is unknown."""
    provider, slash, name = model.partition("/")
    if slash:
        return provider, name
    return next((owner for prefix, owner in _FAMILIES if model.startswith(prefix)), ""), model


def known_providers() -> frozenset[str]:
    """Providers that the metadata names."""
    named = {str(entry.get("litellm_provider")) for entry in load_metadata().values()}
    return frozenset(named | set(_NAMESPACES))


@cache
def load_metadata() -> Mapping[str, Mapping[str, Any]]:
    """dspy's snapshot of model metadata, by name; empty where this dspy has none."""
    spec = importlib.util.find_spec("dspy")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / "clients" / "model_metadata" / "snapshot.json.gz"
        if path.exists():
            data = orjson.loads(gzip.decompress(path.read_bytes()))
            reserved = ("sample_spec", "fallback_generalizations")
            return {
                name: entry
                for name, entry in data.items()
                if isinstance(entry, dict) and name not in reserved
            }
    return {}


def _rate(entry: Mapping[str, Any], name: str) -> float | None:
    value = entry.get(name)
    return (
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
        else None
    )
