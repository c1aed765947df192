"""A framed part of a screen: its name above, its state below, an accent while the focus is inside."""

from __future__ import annotations

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


def pane_of(widget: Widget) -> Widget:
    """The pane that a widget is in; the widget itself where it is in none."""
    return next((node for node in widget.ancestors_with_self if isinstance(node, Pane)), widget)
