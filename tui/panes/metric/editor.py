"""The pane with the metric's text, and a line below it that says what is wrong where."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static, TextArea

from ...registry import bindings
from ...text import clean
from ...widgets.foreign import foreign
from ...widgets.pane import Pane
from .code_area import CodeArea

PAUSE_SECONDS = 0.25
"""After the last key the text is read for mistakes."""


class EditorPane(Pane, can_focus=True, can_focus_children=False):
    """Focused itself, single keys work and tab goes on; the focus inside, letters and tab are text."""

    PANE = "editor"
    BINDINGS = bindings("metric", pane="editor")

    class Paused(Message):
        """The person stopped typing for a moment."""

    def __init__(self) -> None:
        super().__init__(title="Metric", id="editor")
        self.baseline = ""
        """The text of the file as the editor holds it."""
        self.gone = False
        """Whether the file is not on disk any more."""
        self._pause: Timer | None = None
        self._name = ""
        self._note = ""

    def compose(self) -> ComposeResult:
        yield CodeArea(id="code")
        yield Static("", id="editor-wrong", markup=False)

    @property
    def code(self) -> CodeArea:
        return self.query_one(CodeArea)

    @property
    def text(self) -> str:
        return self.code.text

    @property
    def changed(self) -> bool:
        return not self.code.read_only and self.code.text != self.baseline

    def open(self, name: str, text: str, note: str, *, read_only: bool = False) -> None:
        """Another file's text; what was there before is gone."""
        code = self.code
        place = code.cursor_location if name == self._name else (0, 0)
        code.load_text(text)
        # A text with line ends that the editor does not keep would be saved as another one.
        code.read_only = read_only or code.text != text
        self.baseline = code.text
        self._name = name
        self._note = note if code.text == text else "read only: it has line ends that would be changed"
        code.move_cursor(place)
        self.show_state()

    def rebase(self, baseline: str, note: str) -> None:
        """The file holds another text than the editor does."""
        self.baseline = baseline
        self.gone = False
        self._note = note
        self.show_state()

    def lose_file(self) -> None:
        """There is no file any more: the text here is all there is of it."""
        self.baseline = ""
        self.gone = True
        self.show_state()

    def show_state(self) -> None:
        code = self.code
        row, column = code.cursor_location
        state = "unsaved" if self.changed else self._note
        if self.gone:
            state = "gone from the disk: ctrl+s writes it again"
        self.name_pane(
            clean(self._name), f"{state}  {row + 1}:{column + 1}" if state else f"{row + 1}:{column + 1}"
        )

    def show_wrong(self, text: str, lines: frozenset[int]) -> None:
        """One line on what is wrong, and the lines it is wrong at."""
        line = self.query_one("#editor-wrong", Static)
        line.display = bool(text)
        line.update(foreign(text, "$text-error"))
        self.code.mark_lines(lines)

    @on(TextArea.Changed)
    def note_change(self, event: TextArea.Changed) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE_SECONDS, lambda: self.post_message(self.Paused()))
        self.code.settle_colours()
        self.show_state()

    @on(TextArea.SelectionChanged)
    def note_cursor(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self.show_state()

    def action_enter(self) -> None:
        self.code.focus()

    @on(CodeArea.Left)
    def leave(self, event: CodeArea.Left) -> None:
        event.stop()
        self.focus()
