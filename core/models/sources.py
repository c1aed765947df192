"""Where answers really come from: dspy's own engine for a provider, or an engine object."""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import dspy
from dspy.clients.backend_selection import select_backend
from dspy.clients.costs import estimate_cost
from dspy.lm15 import LM15Error, Request, Response
from dspy.utils.exceptions import LMError

_INPUT_APART_FROM_CACHE = "anthropic"
"""Providers of this name report cached input apart from the rest."""
_OUTPUT_APART_FROM_THINKING = frozenset({"gemini", "vertex", "vertex-express", "xai"})


class Tokens(NamedTuple):
    """What an answer used; None where the provider did not say."""

    input: int | None
    """Cached ones included."""
    output: int | None
    """Hidden thinking included."""
    cached_input: int | None


class Source(Protocol):
    """What a metered engine asks in the end. One attempt a call; raises dspy's or lm15's errors."""

    def complete(self, request: Request) -> Response: ...

    async def complete_async(self, request: Request) -> Response: ...

    def tokens(self, response: Response) -> Tokens: ...

    def usd(self, request: Request, response: Response) -> float | None:
        """What the provider bills for it by its own tiers; None where that is not known."""
        ...

    def hint(self, name: str) -> Any:
        """One of dspy's capability hints: supports_function_calling, supports_reasoning, and so on."""
        ...

    @property
    def keeps_output_limit(self) -> bool:
        """Whether an answer is never longer than the request's `max_tokens`."""
        ...


class EngineSource:
    """An engine object: an embedded model, or one that the user's code brought."""

    def __init__(self, engine: Any, async_engine: Any = None) -> None:
        self.engine = engine
        self._async_engine = async_engine

    def complete(self, request: Request) -> Response:
        return self.engine.complete(request)

    async def complete_async(self, request: Request) -> Response:
        if self._async_engine is None:
            return await asyncio.to_thread(self.engine.complete, request)
        return await self._async_engine.complete(request)

    def tokens(self, response: Response) -> Tokens:
        usage = response.usage
        return Tokens(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)

    def usd(self, request: Request, response: Response) -> float | None:
        return None

    def hint(self, name: str) -> Any:
        return getattr(self.engine, name, () if name == "supported_params" else False)

    @property
    def keeps_output_limit(self) -> bool:
        return bool(getattr(self.engine, "keeps_output_limit", False))


class ProviderSource:
    """dspy's own engine (native or LiteLLM, as dspy selects) behind a plain LM that only sends and receives.

    The plain LM neither caches nor retries, and its call is no call of the program: no callback, history or
    usage tracker sees it, the metered LM around it is what they see.
    """

    def __init__(self, lm: dspy.LM) -> None:
        # Prices come from the bundled snapshot: without this the first answer waits for a download.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        self._lm = lm.copy()
        self._lm.cache = False
        self._lm.num_retries = 0
        self._lm.callbacks = []
        with _errors_of_lm15():
            selection = select_backend(self._lm)
        self.provider: str | None = selection.resolution.provider if selection.native else None
        self._wire_model: str = selection.resolution.model if selection.native else lm.model

    def complete(self, request: Request) -> Response:
        with _unseen(), _errors_of_lm15():
            return self._lm(request)

    async def complete_async(self, request: Request) -> Response:
        with _unseen(), _errors_of_lm15():
            return await self._lm.acall(request)

    def tokens(self, response: Response) -> Tokens:
        usage = response.usage
        inputs, outputs, provider = usage.input_tokens, usage.output_tokens, self.provider or ""
        if inputs is not None and _INPUT_APART_FROM_CACHE in provider:
            inputs += (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
        if outputs is not None and provider in _OUTPUT_APART_FROM_THINKING:
            outputs += usage.reasoning_tokens or 0
        return Tokens(inputs, outputs, usage.cache_read_tokens)

    def usd(self, request: Request, response: Response) -> float | None:
        if self.provider is None:
            return None
        cost, _ = estimate_cost(
            response, provider=self.provider, requested_model=self._wire_model, request=request
        )
        return float(cost) if cost is not None else None

    def hint(self, name: str) -> Any:
        return getattr(self._lm, name)

    @property
    def keeps_output_limit(self) -> bool:
        return True


def source_of(lm: Any) -> Source:
    """What answers the calls of an LM that the user's code built."""
    engine = getattr(lm, "engine", None)
    if isinstance(engine, str) and isinstance(lm, dspy.LM):
        return ProviderSource(lm)
    if engine is None or isinstance(engine, str):
        from dspy.clients.engines import AsyncLegacyEngine, LegacyEngine

        return EngineSource(LegacyEngine(lm), AsyncLegacyEngine(lm))
    return EngineSource(engine)


def _unseen() -> AbstractContextManager[None]:
    context: AbstractContextManager[None] = dspy.context(
        callbacks=[], disable_history=True, usage_tracker=None, send_stream=None
    )
    return context


class _errors_of_lm15(AbstractContextManager[None]):
    """Raises the canonical error that dspy wrapped: engines speak lm15's errors, and dspy wraps once more."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LMError) and isinstance(error.__cause__, LM15Error):
            raise error.__cause__
