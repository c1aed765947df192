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
_SECRET_VALUES = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|AIza[0-9A-Za-z_-]{30,}|gh[opsur]_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}"
    r"|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|(AKIA|ASIA)[0-9A-Z]{16}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}|Bearer\s+[A-Za-z0-9._~+/-]{16,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@]*:[^/\s@]+@"
)


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
        if named or _SECRET_VALUES.search(value):
            yield path
