"""A condition that threads and event loops can wait on alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Wakeup:
    """Waits for a try to succeed. Tries run under `lock`; `notify`, under it too, makes all try again."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._futures: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()

    def notify(self) -> None:
        """Call with `lock` held."""
        self._changed.notify_all()
        for loop, future in self._futures:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, future)
        self._futures.clear()

    def wait(self, attempt: Callable[[], T | None], seconds: Callable[[], float | None]) -> T:
        """The first result of `attempt` that is not None; tried again after a notice or after `seconds()`."""
        with self.lock:
            while True:
                result = attempt()
                if result is not None:
                    return result
                self._changed.wait(seconds())

    async def wait_async(self, attempt: Callable[[], T | None], seconds: Callable[[], float | None]) -> T:
        """The same without blocking the loop."""
        loop = asyncio.get_running_loop()
        while True:
            with self.lock:
                result = attempt()
                if result is not None:
                    return result
                future: asyncio.Future[None] = loop.create_future()
                self._futures.add((loop, future))
                timeout = seconds()
            try:
                await asyncio.wait({future}, timeout=timeout)
            finally:
                with self.lock:
                    self._futures.discard((loop, future))


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
