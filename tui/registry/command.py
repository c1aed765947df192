"""A command: what a key does, once for bindings, footer, palette, help and the user's keymap."""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding


class Command(NamedTuple):
    """One thing a person can do with a key."""

    id: str
    """`place.verb`; also the name in the user's keymap."""
    key: str
    """Default keys, comma-separated."""
    label: str
    """In footer and palette: one to three words."""
    help: str
    """One sentence."""
    footer: bool = True
    """Whether the footer shows it while it works."""
    pane: str = ""
    """Bound by the screen, or by the pane of this name."""
    does: str = ""
    """The action, where it is not named like the id."""
    group: str = ""
    """Commands beside each other with the same group share this label in the footer."""

    @property
    def action(self) -> str:
        """`runs.pause` is done by the method `action_pause`."""
        return self.does or self.id.partition(".")[2]

    def binding(self) -> Binding:
        group = Binding.Group(self.group) if self.group else None
        return Binding(
            self.key, self.action, self.label, show=self.footer, tooltip=self.help, id=self.id, group=group
        )
