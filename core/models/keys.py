"""Which environment variable holds a model's key, and whether it is set. Names only: never a key."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ..recipe import ModelProfile

_VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure": "AZURE_API_KEY",
    "cerebras": "CEREBRAS_API_KEY",
    "cohere": "COHERE_API_KEY",
    "databricks": "DATABRICKS_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks_ai": "FIREWORKS_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "moonshot": "MOONSHOT_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "together_ai": "TOGETHERAI_API_KEY",
    "xai": "XAI_API_KEY",
}
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)", re.IGNORECASE)
_KEY_SHAPES = re.compile(r"\b(?:sk|pk|gsk|xai|key|AIza|AKIA|ghp|hf)[-_A-Za-z0-9]{16,}\b")
_SHORTEST = 8


class KeyState(NamedTuple):
    name: str | None
    """The variable; None where the model needs none that we know of."""
    present: bool


def key_state(profile: ModelProfile) -> KeyState:
    """The variable that a profile's key comes from, and whether it is set."""
    if profile.model.startswith("embedded/"):
        return KeyState(None, True)
    name = profile.key_env or _VARIABLES.get(profile.model.partition("/")[0])
    return KeyState(name, bool(name and os.environ.get(name)))


def redact(text: str) -> str:
    """The text without the value of any secret-looking environment variable, or anything of a key's shape."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST:
            text = text.replace(value, f"[{name}]")
    return _KEY_SHAPES.sub("[key]", text)
