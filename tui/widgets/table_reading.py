"""Reading the lines that a table shows, in threads, one block at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial

from textual import on
from textual.message import Message

from core.errors import CompilotError, DataError

from .line_cache import BLOCK, LineCache
from .rows import Line, ListSource, RowSource
from .table_cursor import CursorView


class BlockRead(Message):
    """A block came from the thread that read it, or the reason why it did not."""

    def __init__(
        self, generation: int, block: int, count: int, lines: list[Line], error: CompilotError | None
    ) -> None:
        self.generation, self.block, self.count = generation, block, count
        self.lines, self.error = lines, error
        super().__init__()


class ReadingView(CursorView):
    """A view over a source whose lines may take a while; only what is seen, and a page around it, is read."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.source: RowSource = ListSource((), ())
        self.cache = LineCache()
        self._generation = 0
        self._reading = False
        self._told: tuple[int, int, Line | None] = (-1, -1, None)

    @property
    def line(self) -> Line | None:
        """The line under the cursor, once it is read."""
        return self.cache.get(self.row)

    @property
    def page(self) -> int:
        return max(self.size.height - 1, 1)

    @abstractmethod
    def draw_lines(self, lines: Sequence[Line], *, seen: bool) -> None:
        """These lines were read; some of them may be in view."""

    @abstractmethod
    def tell_moved(self) -> None:
        """The cursor's line is another one, or was just read."""

    @abstractmethod
    def tell_failed(self, error: CompilotError) -> None:
        """Lines cannot be read."""

    def forget_lines(self, *, same_rows: bool) -> None:
        """Read everything again. Lines of the same rows stay in view until the new ones come."""
        self.cache.renew() if same_rows else self.cache.clear()
        self._generation += 1
        self._reading = False
        self._told = (-1, -1, None)

    def keep_lines(self, block: int, lines: Sequence[Line], count: int) -> None:
        """Take a block that was read while there were `count` rows."""
        self.cache.put(block, lines, count)
        above = self.scroll_offset.y
        self.draw_lines(lines, seen=above // BLOCK <= block <= (above + self.page) // BLOCK)
        self.tell_if_moved()

    def tell_if_moved(self) -> None:
        now = (self._generation, self.row, self.line)
        if now != self._told and self.source.count:
            self._told = now
            self.tell_moved()

    def read_lines(self, *, ahead: bool = False) -> None:
        """Read the next block that is wanted: one at a time, so that fast paging skips what it passed.

        What is not in view yet is read once the frame is drawn, which a busy thread would only hold up.
        """
        while not self._reading and self.is_mounted:
            above, count = self.scroll_offset.y, self.source.count
            block = self.cache.next_block(above, min(above + self.page, count - 1), count, ahead=ahead)
            if block is None:
                if not ahead:
                    self.call_after_refresh(self.read_lines, ahead=True)
                return
            if self.source.instant:
                self.keep_lines(block, self.source.lines(block * BLOCK, BLOCK), count)
                continue
            self._reading = True
            work = partial(self._read_block, self.source, self._generation, block, count)
            self.run_worker(work, thread=True, group="rows", exit_on_error=False)

    def _read_block(self, source: RowSource, generation: int, block: int, count: int) -> None:
        lines: list[Line] = []
        error: CompilotError | None = None
        try:
            lines = source.lines(block * BLOCK, BLOCK)
        except CompilotError as raised:
            error = raised
        except OSError as raised:
            what = f"the rows cannot be read: {raised.strerror or raised}"
            error = DataError(what, where=str(raised.filename or ""))
        self.post_message(BlockRead(generation, block, count, lines, error))

    @on(BlockRead)
    def _take_block(self, message: BlockRead) -> None:
        message.stop()
        if message.generation != self._generation:
            return
        if message.error is not None:
            # `_reading` stays: an error is told once, and nothing is read until lines are forgotten.
            self.tell_failed(message.error)
            return
        self._reading = False
        self.keep_lines(message.block, message.lines, message.count)
        self.read_lines()
