"""Keys: where they are looked for, and how they are kept out of everything shown or stored."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from ..credentials import KEY_SHAPES
from ..recipe import ModelProfile
from .prices import split_model

_USUAL = {
    "ai21": ("AI21_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "codestral": ("CODESTRAL_API_KEY",),
    "dashscope": ("DASHSCOPE_API_KEY",),
    "databricks": ("DATABRICKS_API_KEY", "DATABRICKS_TOKEN"),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "hyperbolic": ("HYPERBOLIC_API_KEY",),
    "lambda_ai": ("LAMBDA_API_KEY",),
    "meta_llama": ("LLAMA_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY",),
    "nebius": ("NEBIUS_API_KEY",),
    "novita": ("NOVITA_API_KEY",),
    "nscale": ("NSCALE_API_KEY",),
    "nvidia_nim": ("NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "replicate": ("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
    "sambanova": ("SAMBANOVA_API_KEY",),
    "text-completion-openai": ("OPENAI_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
    "typesafe": ("TYPESAFE_API_KEY",),
    "wandb": ("WANDB_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "zai": ("ZAI_API_KEY",),
}
"""The variables each provider's key is usually in, the first one first. Providers that are not here sign in
in ways of their own (cloud credentials, local servers), which their client finds by itself."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
_KEYRING_SERVICE = "compilot"
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SHORTEST_SECRET = 8
_SHAPES = re.compile(
    KEY_SHAPES
    + r"""
    | (?P<header>(?i:\b(?:bearer|basic)\s+))[A-Za-z0-9._~+/=-]{8,}
    | (?P<field>(?i:\b(?:api[_-]?key|access[_-]?token|secret|password|authorization)
        ["']?\s*[=:]\s*["']?(?:(?:bearer|basic)\s+)?))
      [^\s"'&,;)}\]]{6,}
    """,
    re.VERBOSE,
)
"""In the text of a message also what stands after the name of a key counts as one."""
HIDDEN = "[hidden]"
_NO_KEY = "no-key-in-a-dry-run"


class KeyState(NamedTuple):
    name: str
    """The variable that holds the key, or would; empty where none is needed."""
    present: bool


def key_state(profile: ModelProfile) -> KeyState:
    """Whether a profile's key can be found: environment first, then the keyring. Never the key itself."""
    names = key_names(profile)
    if not names:
        return KeyState("", True)
    found = next((name for name in names if os.environ.get(name)), None)
    found = found or next((name for name in names if read_keyring(name)), None)
    return KeyState(found or names[0], found is not None)


def key_names(profile: ModelProfile) -> tuple[str, ...]:
    """The variables that a profile's key is looked for in, in order; empty where it needs none."""
    if profile.key_env:
        return (profile.key_env,)
    if profile.model.startswith("embedded/") or is_local(profile.api_base):
        return ()
    return _USUAL.get(split_model(profile.model)[0], ())


def find_key(profile: ModelProfile) -> str | None:
    """The key itself, for the engine that sends it and for nothing else."""
    names = key_names(profile)
    value = next((os.environ[name] for name in names if os.environ.get(name)), None)
    return value or next((key for name in names if (key := read_keyring(name))), None)


def read_keyring(name: str) -> str | None:
    """A key kept in the system's keyring under "compilot"; None without that package or a keyring."""
    if importlib.util.find_spec("keyring") is None:
        return None
    keyring = importlib.import_module("keyring")
    try:
        value: str | None = keyring.get_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError:
        return None  # machines without a desktop have no keyring to ask
    return value


def hide_keys(profiles: Iterable[ModelProfile]) -> None:
    """Take the models' keys out of this process and those it starts: nothing it does can be billed to them.

    Their variables keep a value that is no key, for code that looks whether there is one.
    """
    own = {profile.key_env for profile in profiles if profile.key_env}
    for name in own.union(*_USUAL.values()):
        if name in os.environ:
            os.environ[name] = _NO_KEY


def is_local(api_base: str | None) -> bool:
    """Whether an address is on this machine."""
    return api_base is not None and (urlsplit(api_base).hostname or "") in _LOOPBACK


def strip_credentials(address: str) -> str:
    """An address without the user and password it may carry."""
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}" if separator else address


def redact(text: str, *, also: Iterable[str] = ()) -> str:
    """`text` without keys: values of variables named like secrets, `also`, and what is shaped like a key."""
    values = [value for name, value in os.environ.items() if _SECRET_NAME.search(name)]
    for value in sorted({*values, *also}, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET and value in text:
            text = text.replace(value, HIDDEN)
    return _SHAPES.sub(_hide, text)


def _hide(found: re.Match[str]) -> str:
    kept = found["scheme"] or found["header"] or found["field"] or ""
    return f"{kept}{HIDDEN}@" if found["scheme"] else f"{kept}{HIDDEN}"
