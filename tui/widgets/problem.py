"""An error where it happened: what is wrong, where, how to mend it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from core.errors import CompilotError

from .foreign import foreign_lines


class Problem(Static):
    """The three parts of an error, each on a line of its own; wraps."""

    DEFAULT_CSS = """
    Problem {
        width: 1fr;
        height: auto;
        border-left: thick $error;
        padding: 0 1;
        background: $error 10%;
        /* 16 colours have no tenth of a red. */
        &:ansi { background: ansi_default; }
    }
    """

    def __init__(self, error: CompilotError | None = None, id: str | None = None) -> None:
        super().__init__(describe_problem(error) if error else "", id=id)
        self.display = error is not None

    def show(self, error: CompilotError | None) -> None:
        """Show another error, or none."""
        self.display = error is not None
        if error is not None:
            self.update(describe_problem(error))


def describe_problem(error: CompilotError) -> Content:
    parts = [foreign_lines(error.what, "$text-error bold")]
    if error.where:
        parts.append(Content.styled("where  ", "$text-muted") + foreign_lines(error.where))
    if error.fix:
        parts.append(Content.styled("fix    ", "$text-muted") + foreign_lines(error.fix))
    return Content("\n").join(parts)
