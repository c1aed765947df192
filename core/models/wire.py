"""Requests and responses as JSON: the one place that uses lm15's serializers, which dspy keeps inside."""

from __future__ import annotations

from typing import Any

from dspy._vendor.lm15 import serde
from dspy.lm15 import Request, Response


def request_to_json(request: Request) -> dict[str, Any]:
    data: dict[str, Any] = serde.request_to_dict(request)
    return data


def response_to_json(response: Response) -> dict[str, Any]:
    """All of it, the provider's own data included, so that a replayed answer is the same answer."""
    data: dict[str, Any] = serde.response_to_dict(response, include_provider_data=True)
    return data


def response_from_json(data: dict[str, Any]) -> Response:
    return serde.response_from_dict(data)
