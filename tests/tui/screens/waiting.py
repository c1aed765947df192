"""Waiting for what a person would see, without sleeping for luck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from textual.pilot import Pilot
from textual.widget import Widget

OpenApp = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


async def until(pilot: Pilot[None], seen: Callable[[], object], seconds: float = 30.0) -> None:
    """Return as soon as `seen()` is true; fails with what is on screen when it never is."""
    end = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > end:
            raise AssertionError(f"not seen within {seconds:g} s; on screen:\n{screen_text(pilot)}")
        await asyncio.sleep(0.02)
        await pilot.pause()


async def finish_work(pilot: Pilot[None]) -> None:
    """Return when all that goes on in the background is done; the app's look at the runs goes on for ever."""
    workers = pilot.app.workers
    await workers.wait_for_complete([worker for worker in workers if worker.group != "look"])


def screen_text(pilot: Pilot[None]) -> str:
    """What is on screen, as lines of text."""
    width, height = pilot.app.size
    screen = pilot.app.screen
    lines = [strip.text for strip in screen._compositor.render_strips()]
    return "\n".join(line[:width].rstrip() for line in lines[:height])


def text_of(widget: Widget) -> str:
    """What one widget shows, as lines of text."""
    return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))
