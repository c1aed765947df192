"""Writes answers in the form that each adapter of DSPy asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .prompt import Task


def render(task: Task, values: Mapping[str, Any]) -> str:
    """The answer in the form that the prompt asked for."""
    if task.style == "json":
        return json.dumps(dict(values), ensure_ascii=False, indent=2)
    if task.style == "chat":
        sections = [f"[[ ## {name} ## ]]\n{_chat_text(value)}" for name, value in values.items()]
        return "\n\n".join([*sections, "[[ ## completed ## ]]"])
    return "\n\n".join(_xml(name, value) for name, value in values.items())


def _chat_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _xml(name: str, value: Any, key: str | None = None) -> str:
    opening = f"<{name}>" if key is None else f'<{name} key="{_escape(key)}">'
    if value is None:
        return f"{opening}</{name}>"
    if isinstance(value, list):
        return f"{opening}{''.join(_xml('item', item) for item in value)}</{name}>"
    if isinstance(value, dict):
        children = (
            _xml(key, item) if key.isidentifier() else _xml("entry", item, key) for key, item in value.items()
        )
        return f"{opening}{''.join(children)}</{name}>"
    return f"{opening}{_escape(str(value))}</{name}>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
