"""Recognizes keys and passwords in settings, so that none is ever written to a file of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import ConfigError

ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_SECRET_NAMES = re.compile(
    r"(^|[_.-])(api[_-]?key|apikey|secret([_-]?access)?([_-]?key)?|access[_-]?key([_-]?id)?|private[_-]?key"
    r"|pass(word|wd|phrase)|(access|auth|bearer|session|api|refresh|id|ad|security)[_-]?token"
    r"|authorization|credentials?|(vertex|service[_-]?account)[_-]?credentials)$|^(key|token)$",
    re.IGNORECASE,
)
KEY_SHAPES = r"""
    \b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}
    | \b(?:hf|gsk|r8|fw)_[A-Za-z0-9]{20,}
    | \b(?:xai|csk|pplx)-[A-Za-z0-9]{20,}
    | \b(?:nvapi|glpat|tgp_v1)[-_][A-Za-z0-9_-]{20,}
    | \b(?:gh[opsur]_|github_pat_)[A-Za-z0-9_]{20,}
    | \bxox[abprs]-[A-Za-z0-9-]{10,}
    | \bAIza[A-Za-z0-9_-]{30,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}
    | \beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,}){1,2}                # a JSON web token
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----(?:[^-]*-----END\ [A-Z ]*PRIVATE\ KEY-----)?
    | (?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)[^/\s:@'"]*:[^/\s@'"]+@         # a password in an address
"""
"""What is a key by its looks alone, wherever it stands; written for `re.VERBOSE`."""
_SECRET_VALUES = re.compile(KEY_SHAPES + r"| \bBearer\s+[A-Za-z0-9._~+/-]{16,}", re.VERBOSE)
_SECRET_HEADERS = re.compile(r"authorization|api[-_]?key|token|secret|cookie", re.IGNORECASE)


def looks_like_key(value: str) -> bool:
    """Whether a text holds something with the shape of a key or a password."""
    return _SECRET_VALUES.search(value) is not None


def carries_key(header: str, value: str) -> bool:
    """Whether a header is one that keys are sent in, or has a value like one."""
    return _SECRET_HEADERS.search(header) is not None or looks_like_key(value)


def refuse_credentials(settings: Mapping[str, Any], where: str) -> None:
    """Raise `ConfigError`, naming the field and never the value, when something looks like a key.

    Everywhere a value with the shape of a key counts; under `models` a telling name counts too.
    """
    for path in _find(settings, ()):
        role = path[1] if path[0] == "models" and len(path) > 1 else "student"
        raise ConfigError(
            f"{'.'.join(path)} looks like a key: keys do not belong in a file that is kept and shared",
            where=f"{where}: {'.'.join(path)}",
            fix="take it out and set the provider's environment variable instead "
            f'(another variable\'s name goes under [models.{role}] as key_env = "NAME")',
        )


def _find(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _find(inner, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _find(inner, (*path, str(index)))
    elif isinstance(value, str) and value and path:
        named = path[0] == "models" and any(_SECRET_NAMES.search(part) for part in path[2:])
        if named or looks_like_key(value):
            yield path
