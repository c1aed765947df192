"""Several views in one place, one at a time, with a line of names above them."""

from __future__ import annotations

from textual.widgets import TabbedContent, TabPane, Tabs

from .foreign import foreign


class Views(TabbedContent):
    """Tabs of one line that take no focus of their own: keys of the place change them."""

    DEFAULT_CSS = """
    Views {
        height: 1fr;
        ContentSwitcher { height: 1fr; }
        TabPane { height: 1fr; padding: 0; }
        Tabs { height: 1; }
        #tabs-scroll { height: 1; }
        Tab { padding: 0 1 0 0; color: $text-muted; }
        Tab.-active { color: $text; text-style: bold underline; }
        Underline { display: none; }
    }
    """

    def on_mount(self) -> None:
        self.query_one(Tabs).can_focus = False

    def step(self, by: int) -> None:
        """Go so many views on, around the end; the focus goes along."""
        names = [pane.id or "" for pane in self.query(TabPane) if not self.get_tab(pane).has_class("-hidden")]
        if names:
            self.go(names[(names.index(self.active) + by) % len(names)])

    def go(self, view: str) -> None:
        """Show a view and put the focus into it, if it was in the views."""
        inside = self.screen.focused is not None and self in self.screen.focused.ancestors
        self.active = view
        if inside:
            self.call_after_refresh(self.focus_view)

    def focus_view(self) -> None:
        """The focus into the view that is shown."""
        pane = self.active_pane
        target = next((one for one in pane.query("*") if one.focusable), None) if pane else None
        if target is not None:
            target.focus()

    def label(self, view: str, text: str) -> None:
        """Another name above a view."""
        self.get_tab(view).label = foreign(text)
