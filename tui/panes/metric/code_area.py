"""An editor for Python: colours of the theme, marked lines, and none of the keys that the app needs."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from ...registry import bindings

MOST_COLOURED_LINES = 500
"""The whole text is parsed again at each key: beyond this it would be felt."""
_APP_KEYS = frozenset({"f6", "f7"})
_OWN_BINDINGS = [one for one in TextArea.BINDINGS if isinstance(one, Binding) and one.key not in _APP_KEYS]
_MOVES = {key: binding.action for binding in _OWN_BINDINGS for key in binding.key.split(",")}
_PARTS = {
    "keyword": ("keyword", "keyword.function", "keyword.return", "keyword.operator", "conditional", "repeat"),
    "include": ("include", "exception", "attribute"),
    "string": ("string", "string.documentation", "string.escape"),
    "comment": ("comment",),
    "number": ("number", "float", "boolean", "constant.builtin"),
    "name": ("function", "method", "type", "type.class", "constructor", "class"),
    "call": ("function.call", "method.call", "function.builtin", "type.builtin"),
}


def next_indent(line: str, width: int = 4) -> str:
    """The blanks that a line after this one begins with: as many, and one step more after a colon."""
    own = line[: len(line) - len(line.lstrip())]
    return own + " " * width if line.rstrip().endswith(":") else own


class CodeArea(TextArea, inherit_bindings=False):
    """Escape leaves it, whatever tab does."""

    PANE = "code"
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        *_OWN_BINDINGS,
        *bindings("metric", pane="code"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *TextArea.COMPONENT_CLASSES,
        *(f"code-area--{name}" for name in _PARTS),
        "code-area--wrong",
    }
    DEFAULT_CSS = """
    CodeArea, CodeArea:focus {
        border: none;
        padding: 0;
        background: $background;
        .code-area--keyword { color: $primary; }
        .code-area--include { color: $primary; }
        .code-area--string { color: $success; }
        .code-area--comment { color: $text-muted; text-style: italic; }
        .code-area--number { color: $accent; }
        .code-area--name { color: $foreground; text-style: bold; }
        .code-area--call { color: $secondary; }
        .code-area--wrong { color: $error; text-style: underline; }
        .text-area--cursor-line { background: $boost; }
        .text-area--gutter { color: $text-muted; }
    }
    """

    class Left(Message):
        """The person pressed escape."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(show_line_numbers=True, soft_wrap=False, tab_behavior="indent", id=id)
        self.cursor_blink = False
        self.wrong_lines: frozenset[int] = frozenset()
        """From 1."""

    def on_mount(self) -> None:
        self._take_colours()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._take_colours())

    def on_resize(self) -> None:
        """Less room must not hide the line that is worked on."""
        self.call_after_refresh(self.scroll_cursor_visible)

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        # Without any room the line would become the first one, and stay so with all of it.
        return super().scroll_cursor_visible(center, animate) if self.content_size.height else Offset()

    async def on_key(self, event: events.Key) -> None:
        # Textual's own editor moves the focus on instead, before any binding is looked at.
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.action_leave()
        elif event.key == "enter" and not self.read_only:
            event.stop()
            event.prevent_default()
            row, column = self.selection.start
            self.insert("\n" + next_indent(self.document.get_line(row)[:column], self.indent_width))
        elif event.key in _MOVES:
            # A key that is bound travels up to the app first: letters typed right after it would overtake it.
            event.stop()
            event.prevent_default()
            await self.run_action(_MOVES[event.key])

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def load_text(self, text: str) -> None:
        super().load_text(text)
        self.settle_colours()

    def settle_colours(self) -> None:
        """Colours for a text of fair length."""
        wanted = "python" if self.document.line_count <= MOST_COLOURED_LINES else None
        if self.language != wanted:
            self.language = wanted

    def mark_lines(self, lines: frozenset[int]) -> None:
        """Show which lines something is wrong with."""
        if lines != self.wrong_lines:
            self.wrong_lines = lines
            self.notify_style_update()

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        if line_index + 1 in self.wrong_lines:
            line.stylize(self.get_component_rich_style("code-area--wrong", partial=True))
        return line

    def go_to(self, line: int, column: int = 0) -> None:
        """The cursor to the beginning of a line, from 1, as near as there is one; centred if out of view."""
        row = max(0, min(line - 1, self.document.line_count - 1))
        text = self.document.get_line(row)
        seen = self.scroll_offset.y <= row < self.scroll_offset.y + self.content_size.height - 1
        self.move_cursor((row, column or len(text) - len(text.lstrip())), center=not seen)

    def put_text(self, text: str) -> None:
        """Another text in the place of the whole one, so that undo brings it back."""
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.settle_colours()

    def _take_colours(self) -> None:
        styles: dict[str, Style] = {}
        for part, names in _PARTS.items():
            style = self.get_component_rich_style(f"code-area--{part}", partial=True)
            styles |= dict.fromkeys(names, Style(color=style.color, bold=style.bold, italic=style.italic))
        self.register_theme(TextAreaTheme("compilot", syntax_styles=styles))
        self.theme = "compilot"
