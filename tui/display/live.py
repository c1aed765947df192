"""The live view on a terminal: redrawn in place twice a second, gone when the run has ended."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, RenderableType
from rich.live import Live

from .panel import render_run

if TYPE_CHECKING:
    from core.runs.reduce import RunState

_REFRESHES_PER_SECOND = 2


class LiveDisplay:
    """Draws the newest state; the clock in it goes on between states."""

    tells_of_stop = True

    def __init__(self, *, title: str, stderr: bool, leaves_run: bool) -> None:
        from core.runs.reduce import RunState

        self._title = title
        self._leaves_run = leaves_run
        self._state = RunState()
        self._console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, state: RunState) -> None:
        self._state = state

    def _render(self) -> RenderableType:
        size = self._console.size
        return render_run(
            self._state,
            title=self._title,
            now=time.time(),
            width=size.width,
            height=size.height,
            leaves_run=self._leaves_run,
        )
