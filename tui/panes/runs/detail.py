"""One thing in full: a log line, a proposal, a call with its prompt and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from core.models.journal import RecordedCall

from ...registry import bindings
from ...text import count, usd
from ...widgets.foreign import foreign, foreign_lines

_LONGEST = 60_000


class Part(NamedTuple):
    title: str
    text: str


class Detail(ModalScreen[None]):
    """Scrolls; escape or enter closes, `y` copies all of it."""

    BINDINGS = bindings("runs", pane="detail")

    def __init__(self, title: str, parts: Sequence[Part]) -> None:
        super().__init__()
        self.heading = title
        self.parts = parts

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="runs-detail"):
            for part in self.parts:
                if part.title:
                    yield Static(foreign(part.title, "$text-accent bold"), classes="part")
                yield Static(_shown(part.text))
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        box = self.query_one("#runs-detail")
        box.border_title = foreign(self.heading).markup
        box.focus()

    def action_close(self) -> None:
        self.dismiss(None)

    def action_copy_all(self) -> None:
        text = "\n\n".join(f"{part.title}\n{part.text}" if part.title else part.text for part in self.parts)
        self.app.copy(text)  # type: ignore[attr-defined]


def call_parts(call: RecordedCall) -> list[Part]:
    """Prompt by role, then the answer."""
    return [
        Part("answer", call.answer),
        *(Part(f"prompt · {role}", text) for role, text in call.prompt),
    ]


def call_title(call: RecordedCall) -> str:
    tokens = f"{count(call.input_tokens or 0)} tokens in, {count(call.output_tokens or 0)} out"
    return f"call {call.seq} · {call.role} · {call.model} · {call.latency:.2f} s · {tokens} · {usd(call.usd)}"


def _shown(text: str) -> Content:
    shown = foreign_lines(text[:_LONGEST])
    if len(text) > _LONGEST:
        rest = count(len(text) - _LONGEST)
        shown += Content.styled(f"\n… {rest} letters more; y copies all of it", "$text-muted")
    return shown
