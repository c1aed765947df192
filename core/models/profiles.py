"""Whether a model profile can work, told without dspy, without the network and before anything is paid."""

from __future__ import annotations

from urllib.parse import urlsplit

from rapidfuzz import process

from ..credentials import carries_key
from ..errors import ModelError
from ..recipe import ModelProfile
from .prices import known_providers, load_metadata, model_entry, split_model
from .secrets import key_state, strip_credentials

_SERVERS = frozenset(
    {"ollama", "ollama_chat", "hosted_vllm", "lm_studio", "llamafile", "openai_like", "litellm_proxy"}
)
_OTHERS = frozenset(
    {"custom_openai", "azure", "bedrock", "vertex_ai", "sagemaker", "huggingface", "predibase"}
)
_OURS = ("cache", "num_retries", "engine", "async_engine", "callbacks", "model", "temperature", "max_tokens")


def check_profile(profile: ModelProfile, *, where: str = "models", need_key: bool = True) -> None:
    """Raise `ModelError` for what is wrong with a profile: name, options, address, a missing key.

    A model that no metadata knows is no error, providers bring out new ones; `nearest_models` finds typos.
    """
    _check_name(profile, where)
    _check_options(profile, where)
    _check_address(profile, where)
    if need_key and not (state := key_state(profile)).present:
        raise ModelError(
            f"no key for {profile.model}: the environment has no {state.name}",
            where=f"{where}.model",
            fix=f"export {state.name}=… before you start, or name another variable in {where}.key_env",
        )


def nearest_models(model: str, limit: int = 3) -> list[str]:
    """Known models of the same provider with the nearest names."""
    provider, name = split_model(model)
    names = {
        key.removeprefix(f"{provider}/")
        for key, entry in load_metadata().items()
        if entry.get("litellm_provider") == provider and entry.get("mode") in ("chat", "responses", None)
    }
    return [f"{provider}/{match[0]}" for match in process.extract(name, sorted(names), limit=limit)]


def is_known_model(model: str) -> bool:
    """Whether the bundled metadata names it. Embedded models are known."""
    return model.startswith("embedded/") or bool(model_entry(model))


def _check_name(profile: ModelProfile, where: str) -> None:
    provider, name = split_model(profile.model)
    if not name.strip() or not provider:
        raise ModelError(
            f"{profile.model!r} is not the name of a model",
            where=f"{where}.model",
            fix="write provider/model, such as gemini/gemini-2.5-flash-lite, or embedded/student for a try",
        )
    providers = known_providers() | _SERVERS | _OTHERS | {"embedded"}
    if provider not in providers:
        near = process.extractOne(provider, sorted(providers), score_cutoff=60)
        raise ModelError(
            f"unknown provider {provider!r} in {profile.model!r}",
            where=f"{where}.model",
            fix=f"did you mean {near[0]}/{name}?"
            if near
            else "see docs.litellm.ai/docs/providers for the names",
        )


def _check_options(profile: ModelProfile, where: str) -> None:
    options = profile.options
    if "api_key" in options:
        raise ModelError(
            "a key does not belong in compilot.toml",
            where=f"{where}.options.api_key",
            fix="take it out, put it in an environment variable, and name that in key_env",
        )
    ours = next((name for name in _OURS if name in options), None)
    if ours is not None:
        raise ModelError(
            f"{ours!r} is not an option: Compilot sets it, or it has a place of its own",
            where=f"{where}.options.{ours}",
            fix=f"take it out, or set {where}.{ours} where there is such a field",
        )
    if options.get("model_type", "chat") not in ("chat", "responses"):
        raise ModelError(
            f"model_type {options['model_type']!r} is not supported",
            where=f"{where}.options.model_type",
            fix="use chat or responses",
        )
    for kind in ("headers", "extra_headers"):
        for header, value in (options.get(kind) or {}).items():
            if carries_key(str(header), str(value)):
                raise ModelError(
                    f"the header {header!r} looks like it holds a key",
                    where=f"{where}.options.{kind}",
                    fix="take it out and use key_env: what compilot.toml says is stored with every run",
                )


def _check_address(profile: ModelProfile, where: str) -> None:
    address = profile.api_base or profile.options.get("api_base") or profile.options.get("base_url")
    if not address:
        return
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(
            f"{strip_credentials(address)!r} is not the address of a server",
            where=f"{where}.api_base",
            fix="write it as http://host:port/v1",
        )
    if parts.username or parts.password:
        raise ModelError(
            f"api_base carries a user name or password: {strip_credentials(address)}",
            where=f"{where}.api_base",
            fix="take them out of the address, and name the variable that holds the key in key_env",
        )
