"""A framed part of a screen: its name above, its state below, an accent while the focus is inside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from textual.containers import Vertical
from textual.widget import Widget


class Pane(Vertical):
    """Subclasses compose their content; `z` lets one fill the screen."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    Pane {
        border: round $pane-border;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        padding: 0 1;
        height: 1fr;
        width: 1fr;
        &:focus-within, &:focus {
            border: round $accent;
            border-title-color: $accent;
        }
    }
    .-compact Pane {
        padding: 0;
    }
    """

    def __init__(
        self, *children: object, title: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(*children, id=id, classes=classes)  # type: ignore[arg-type]
        if title:
            self.name_pane(title)

    def name_pane(self, title: str, state: str = "") -> None:
        """The frame's text. Neither is read as markup."""
        from .foreign import foreign

        # Setting either repaints the whole pane, even where it says what it said.
        title, state = foreign(title).markup, foreign(state).markup
        if self.border_title != title:
            self.border_title = title
        if self.border_subtitle != state:
            self.border_subtitle = state


class LatePane(Pane):
    """A pane whose widgets are made when it is first looked at, so that its place opens without them.

    Subclasses keep what they are to show, and `draw` alone puts it on screen.
    """

    def __init__(self, *, title: str, id: str | None = None) -> None:
        super().__init__(title=title, id=id)
        self._filling = asyncio.Lock()
        self._has_widgets = False

    def compose_content(self) -> Iterable[Widget]:
        """The widgets."""
        return ()

    def draw(self) -> None:
        """Put all that is known on screen."""

    def redraw(self) -> None:
        """Something became known: draw it, or leave it until there are widgets."""
        if self._has_widgets:
            self.draw()

    def compose(self) -> Iterable[Widget]:
        return self.compose_content() if self._filling.locked() else ()

    async def on_show(self) -> None:
        await self.fill()

    async def fill(self) -> None:
        """Make the widgets, once."""
        async with self._filling:
            if not self._has_widgets:
                await self.recompose()
                self._has_widgets = True
                self.draw()


def pane_of(widget: Widget) -> Widget:
    """The pane that a widget is in; the widget itself where it is in none."""
    return next((node for node in widget.ancestors_with_self if isinstance(node, Pane)), widget)


def pane_name(widget: Widget | None) -> str:
    """The `PANE` of the innermost pane around a widget that has keys of its own; empty where none has."""
    inside = () if widget is None else widget.ancestors_with_self
    return next((name for node in inside if (name := getattr(node, "PANE", ""))), "")
