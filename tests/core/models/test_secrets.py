from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.credentials import refuse_credentials
from core.errors import ConfigError
from core.models.secrets import (
    find_key,
    hide_keys,
    is_local,
    key_state,
    read_keyring,
    redact,
    strip_credentials,
)
from core.recipe import ModelProfile


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr("core.models.secrets.importlib.util.find_spec", lambda name: None)


def test_the_environment_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    gemini = ModelProfile(model="gemini/gemini-2.5-pro")
    assert key_state(gemini) == ("GEMINI_API_KEY", False)
    assert find_key(gemini) is None
    monkeypatch.setenv("GOOGLE_API_KEY", "abc")
    assert key_state(gemini) == ("GOOGLE_API_KEY", True)
    assert find_key(gemini) == "abc"


def test_a_named_variable_replaces_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    monkeypatch.delenv("TEAM_KEY", raising=False)
    profile = ModelProfile(model="openai/gpt-4o", key_env="TEAM_KEY")
    assert key_state(profile) == ("TEAM_KEY", False)
    monkeypatch.setenv("TEAM_KEY", "of the team")
    assert find_key(profile) == "of the team"


def test_models_that_need_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "real")
    local = ModelProfile(model="openai/local", api_base="http://127.0.0.1:8000/v1")
    for profile in (ModelProfile(model="embedded/student"), ModelProfile(model="ollama_chat/x"), local):
        assert key_state(profile) == ("", True)
    assert find_key(local) is None, "a server on this machine is not told the provider's key"


def test_the_keyring_comes_second(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = ModuleType("keyring")
    keyring.errors = SimpleNamespace(KeyringError=RuntimeError)  # type: ignore[attr-defined]
    keyring.get_password = lambda service, name: "kept" if name == "GROQ_API_KEY" else None  # type: ignore
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setattr("core.models.secrets.importlib.util.find_spec", lambda name: object())
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    assert key_state(ModelProfile(model="groq/x")) == ("GROQ_API_KEY", True)
    assert find_key(ModelProfile(model="groq/x")) == "kept"

    def locked(service: str, name: str) -> str:
        raise RuntimeError("no keyring on this machine")

    keyring.get_password = locked  # type: ignore[attr-defined]
    assert read_keyring("GROQ_API_KEY") is None


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop1234",
        "sk-ant-api03-abcdefghijklmnop",
        "gsk_abcdefghijklmnop1234",
        "AIzaSyA1234567890abcdefghijklmnopqrstu",
        "AKIAIOSFODNN7EXAMPLE",
        "hf_abcdefghijklmnopqrst",
        "nvapi-abcdefghijklmnopqrst_uv",
        "xoxb-123456789012-abcdef",
        "github_pat_abcdefghijklmnopqrst",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
    ],
)
def test_key_shapes_are_hidden(secret: str) -> None:
    for text in (f"key {secret} was refused", f'"{secret}"', f"({secret})", f"api_key={secret}&x=1"):
        assert secret not in redact(text)
        assert "[hidden]" in redact(text)
    with pytest.raises(ConfigError):
        refuse_credentials({"models": {"student": {"options": {"extra_headers": {"X-Auth": secret}}}}}, "x")


def test_values_of_secret_variables_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "plain-looking-value")
    monkeypatch.setenv("HARMLESS", "something-else-here")
    text = redact("plain-looking-value something-else-here", also=["another one"])
    assert text == "[hidden] something-else-here"
    assert redact("see another one", also=["another one"]) == "see [hidden]"


def test_addresses_and_headers_are_cleaned() -> None:
    assert redact("http://me:pass@host/v1") == "http://[hidden]@host/v1"
    assert redact("Authorization: Bearer abcdefghijk") == "Authorization: Bearer [hidden]"
    assert redact("sent bearer abcdefghijk") == "sent bearer [hidden]"
    assert redact("password: swordfish99, user: me") == "password: [hidden], user: me"
    assert redact("nothing to see") == "nothing to see"
    assert strip_credentials("https://me:pass@host/v1") == "https://host/v1"
    assert strip_credentials("https://host/v1@x") == "https://host/v1@x"


def test_local_addresses() -> None:
    assert is_local("http://localhost:1/v1")
    assert is_local("http://[::1]:1/v1")
    assert not is_local("http://localhost.evil.example/v1")
    assert not is_local(None)


@given(st.text(max_size=300))
def test_redacting_never_fails_and_is_stable(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


def test_hidden_keys_leave_variables_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "MY_OWN_KEY", "UNRELATED_TOKEN"):
        monkeypatch.setenv(name, "sk-canary-0123456789")
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    hide_keys([ModelProfile(model="openai/gpt-4o", key_env="MY_OWN_KEY")])
    assert os.environ["OPENAI_API_KEY"] == os.environ["MY_OWN_KEY"] != "sk-canary-0123456789"
    assert os.environ["UNRELATED_TOKEN"] == "sk-canary-0123456789"
    assert "GROQ_API_KEY" not in os.environ
