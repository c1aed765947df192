"""What a model costs: the profile's own price, else dspy's bundled price list; unknown stays unknown."""

from __future__ import annotations

import gzip
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from ..recipe import ModelProfile, Price

PER_MILLION = 1_000_000
FREE = Price(input=0.0, output=0.0, cached_input=0.0)


def price_of(profile: ModelProfile) -> Price | None:
    """US dollars per million tokens, or None where nobody says. Needs neither dspy nor the network."""
    if profile.price is not None:
        return profile.price
    if profile.model.startswith("embedded/"):
        return FREE
    entry = _find(profile.model)
    if entry is None:
        return None
    per_input, per_output = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if per_input is None or per_output is None:
        return None
    cached = entry.get("cache_read_input_token_cost")
    return Price(
        input=per_input * PER_MILLION,
        output=per_output * PER_MILLION,
        cached_input=None if cached is None else cached * PER_MILLION,
    )


def cost_of(price: Price | None, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
    """US dollars of one call; cached input at its own price where there is one."""
    if price is None:
        return None
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = max(0, input_tokens - cached_tokens)
    total = fresh * price.input + cached_tokens * cached_price + output_tokens * price.output
    return total / PER_MILLION


def _find(model: str) -> dict[str, Any] | None:
    prices = _price_list()
    provider, _, bare = model.partition("/")
    entry = prices.get(model)
    if entry is None:
        entry = prices.get(bare)
        if entry is not None and entry.get("litellm_provider") != provider:
            return None
    return entry


@cache
def _price_list() -> dict[str, Any]:
    """The list that ships with dspy, read from its file: estimates do not import dspy."""
    spec = importlib.util.find_spec("dspy")
    if spec is None or spec.origin is None:
        return {}
    path = Path(spec.origin).parent / "clients" / "model_metadata" / "snapshot.json.gz"
    prices: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes())) if path.exists() else {}
    return prices
