"""Which errors of a model are worth another attempt, and how long to wait for it."""

from __future__ import annotations

import random

from dspy import lm15
from dspy.utils.exceptions import (
    LMAuthError,
    LMBillingError,
    LMError,
    LMNotConfiguredError,
    LMProviderError,
    LMRateLimitError,
    LMUnsupportedModelError,
    is_retryable_lm_error,
)

from .secrets import redact

HOPELESS = (
    lm15.AuthError,
    lm15.BillingError,
    lm15.NotConfiguredError,
    lm15.UnsupportedModelError,
    LMAuthError,
    LMBillingError,
    LMNotConfiguredError,
    LMUnsupportedModelError,
)
RATE_LIMITS = (lm15.RateLimitError, LMRateLimitError)
_BACKOFF_SECONDS = 0.5
_RATE_LIMIT_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 300.0
_RANDOM = random.Random()
"""Of its own: jitter must not move the seeded generator of the run."""


def is_retryable(error: Exception) -> bool:
    """Refusals of a moment, lost connections, server faults, and replies that came broken (status 200)."""
    broken = isinstance(error, (lm15.ProviderError, LMProviderError)) and error.status == 200
    return broken or isinstance(error, lm15.RETRYABLE_ERRORS) or is_retryable_lm_error(error)


def backoff_seconds(error: Exception, attempt: int) -> float:
    """Seconds before the next attempt: what the provider asked for, else doubling, with jitter."""
    asked: object = getattr(error, "retry_after", None)
    if isinstance(asked, (int, float)) and asked >= 0:
        return min(float(asked), _LONGEST_RETRY_AFTER_SECONDS)
    base = _RATE_LIMIT_BACKOFF_SECONDS if isinstance(error, RATE_LIMITS) else _BACKOFF_SECONDS
    longest: float = min(base * 2.0 ** (attempt - 1), _LONGEST_BACKOFF_SECONDS)
    return longest * _RANDOM.uniform(0.5, 1.0)


def clean_error(error: Exception) -> None:
    """Take keys out of an error's message: some servers repeat the key they refuse."""
    if isinstance(error, (lm15.LM15Error, LMError)):
        error.message = redact(error.message or "")
    error.args = tuple(redact(part) if isinstance(part, str) else part for part in error.args)


def first_line(error: Exception) -> str:
    return redact(str(error)).strip().partition("\n")[0]
