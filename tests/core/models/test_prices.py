from __future__ import annotations

import subprocess
import sys

import pytest

from core.models.prices import bound_price_of, model_entry, price_of, split_model, usd_of
from core.recipe import ModelProfile, Price


def test_a_bundled_price_is_per_million_tokens() -> None:
    price = price_of("gemini/gemini-2.5-flash-lite")
    assert price is not None
    assert (price.input, price.output, price.cached_input) == pytest.approx((0.1, 0.4, 0.01))


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "gpt-4o-mini"])
def test_a_bare_name_is_found_by_its_family(model: str) -> None:
    price = price_of(model)
    assert price is not None
    assert (price.input, price.output) == pytest.approx((0.15, 0.6))


def test_a_provider_is_never_priced_as_another() -> None:
    assert price_of("nobody/gpt-4o-mini") is None
    assert price_of("openai/no-such-model") is None


def test_a_profiles_own_price_wins_and_embedded_is_free() -> None:
    own = Price(input=1, output=2)
    assert price_of(ModelProfile(model="gpt-4o-mini", price=own)) == own
    assert price_of(ModelProfile(model="embedded/student", price=own)) == own
    assert price_of("embedded/student?latency=0.1") == Price(input=0, output=0, cached_input=0)


def test_cached_input_has_its_own_rate() -> None:
    price = Price(input=10.0, output=20.0, cached_input=1.0)
    assert usd_of(price, 1_000_000, 0, 400_000) == pytest.approx(6.4)
    assert usd_of(Price(input=10.0, output=20.0), 1_000_000, 500_000, 400_000) == pytest.approx(20.0)


def test_bounds_count_the_tier_of_long_prompts() -> None:
    profile = ModelProfile(model="gemini/gemini-2.5-pro")
    short, long = bound_price_of(profile, 1_000), bound_price_of(profile, 300_000)
    assert short is not None
    assert long is not None
    assert (short.input, short.output) == pytest.approx((1.25, 10.0))
    assert (long.input, long.output) == pytest.approx((2.5, 15.0))
    assert bound_price_of(ModelProfile(model="nobody/knows"), 10) is None


def test_names_are_split() -> None:
    assert split_model("openrouter/openai/gpt-4o") == ("openrouter", "openai/gpt-4o")
    assert split_model("claude-sonnet-4-5") == ("anthropic", "claude-sonnet-4-5")
    assert split_model("mystery") == ("", "mystery")
    assert model_entry("mystery") == {}


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from core.models import prices, profiles, secrets, gate, journal, ledger, roles;"
        "prices.price_of('gpt-4o-mini');"
        "print(sorted({'dspy', 'litellm', 'polars', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
