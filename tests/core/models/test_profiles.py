from __future__ import annotations

from typing import Any

import pytest
from dspy.lm15 import Reasoning

from core.errors import ModelError
from core.models.build import build_source
from core.models.profiles import check_profile, is_known_model, nearest_models
from core.models.thinking import reasoning_of
from core.recipe import ModelProfile


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY"):
        monkeypatch.setenv(name, "test-key-of-no-one")
    monkeypatch.setattr("core.models.secrets.read_keyring", lambda name: None)


def refused(profile: ModelProfile, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        check_profile(profile, where="models.student", **more)
    assert caught.value.where.startswith("models.student")
    assert caught.value.fix
    return caught.value


def test_good_profiles_pass() -> None:
    check_profile(ModelProfile(model="gemini/gemini-2.5-flash-lite"))
    check_profile(ModelProfile(model="openai/a-brand-new-one", api_base="https://proxy.example/v1"))
    check_profile(ModelProfile(model="hosted_vllm/qwen", api_base="http://localhost:8000/v1"))
    check_profile(ModelProfile(model="ollama_chat/llama3"))


def test_unknown_providers_are_told_with_the_nearest() -> None:
    assert "did you mean openai/gpt-4o" in refused(ModelProfile(model="opnai/gpt-4o")).fix
    assert refused(ModelProfile(model="just-a-name"))
    assert refused(ModelProfile(model="openai/"))


def test_a_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY")
    error = refused(ModelProfile(model="groq/llama-3.3-70b-versatile"))
    assert "GROQ_API_KEY" in error.what
    check_profile(ModelProfile(model="groq/llama-3.3-70b-versatile"), need_key=False)
    assert "MY_OWN" in refused(ModelProfile(model="groq/x", key_env="MY_OWN")).what


@pytest.mark.parametrize(
    ("profile", "word"),
    [
        (ModelProfile(model="openai/x", options={"api_key": "sk-in-the-file"}), "key"),
        (ModelProfile(model="openai/x", options={"num_retries": 3}), "num_retries"),
        (ModelProfile(model="openai/x", options={"model_type": "text"}), "model_type"),
        (ModelProfile(model="openai/x", options={"extra_headers": {"Authorization": "Bearer x"}}), "header"),
        (ModelProfile(model="openai/x", options={"headers": {"X-Auth": "nvapi-" + "ab12" * 6}}), "header"),
        (ModelProfile(model="openai/x", api_base="https://me:hunter22@host/v1"), "password"),
        (ModelProfile(model="openai/x", api_base="localhost:8000"), "address"),
    ],
)
def test_settings_that_cannot_work_or_would_leak(profile: ModelProfile, word: str) -> None:
    error = refused(profile)
    assert word in error.what
    assert "sk-in-the-file" not in str(error)
    assert "hunter22" not in str(error)


def test_typos_find_their_neighbours() -> None:
    assert "openai/gpt-4o-mini" in nearest_models("openai/gpt4o-mini")
    assert is_known_model("gemini/gemini-2.5-pro")
    assert not is_known_model("gemini/gemini-9.9-ultra")


@pytest.mark.parametrize(
    ("model", "thinking", "expected"),
    [
        ("gemini/gemini-2.5-flash-lite", "disabled", Reasoning(effort="off")),
        ("gemini/gemini-2.5-flash", 4096, Reasoning(effort="medium", thinking_budget=4096)),
        ("anthropic/claude-sonnet-4-5", 16000, Reasoning(effort="high", thinking_budget=16000)),
        ("openai/gpt-5", "low", Reasoning(effort="low")),
        ("openai/gpt-5.1", "disabled", Reasoning(effort="off")),
        ("openai/gpt-4o-mini", "disabled", None),
        ("openai/gpt-5", "auto", None),
        ("openai/gpt-5", None, None),
        ("embedded/student", "disabled", None),
        ("hosted_vllm/qwen3", "disabled", Reasoning(effort="off")),
    ],
)
def test_thinking_is_said_in_one_form(model: str, thinking: Any, expected: Reasoning | None) -> None:
    assert reasoning_of(ModelProfile(model=model, thinking=thinking)) == expected


@pytest.mark.parametrize(
    ("model", "thinking", "word"),
    [
        ("openai/gpt-4o-mini", "high", "not a thinking model"),
        ("openai/gpt-5", 4096, "takes an effort"),
        ("openai/gpt-5", "disabled", "minimal"),
        ("openai/o3", 0, "low"),
        ("gemini/gemini-2.5-pro", "disabled", "cannot be kept"),
        ("gemini/gemini-2.5-flash", -5, "negative"),
        ("openai/gpt-5", "hard", "not known"),
    ],
)
def test_thinking_that_a_model_cannot_do(model: str, thinking: Any, word: str) -> None:
    with pytest.raises(ModelError) as caught:
        reasoning_of(ModelProfile(model=model, thinking=thinking), where="models.student")
    assert word in str(caught.value)
    assert caught.value.where == "models.student.thinking"


def test_a_thinking_budget_must_leave_room_for_the_answer() -> None:
    with pytest.raises(ModelError, match="nothing for the answer"):
        reasoning_of(ModelProfile(model="anthropic/claude-sonnet-4-5", thinking=4000, max_tokens=4000))


def test_what_the_provider_would_change_is_refused_before_the_run() -> None:
    with pytest.raises(ModelError) as caught:
        build_source(
            ModelProfile(model="openai/gpt-4o-mini", options={"bogus_option": 1}), where="models.student"
        )
    assert "bogus_option" in str(caught.value)
    with pytest.raises(ModelError, match="temperature"):
        from pathlib import Path
        from tempfile import mkdtemp

        from core.models.meter import Meter

        with Meter.open(Path(mkdtemp())) as meter:
            meter.lm(ModelProfile(model="openai/gpt-5", temperature=0.3), "student")
