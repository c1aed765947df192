"""What works in a folder that is no workspace yet."""

from __future__ import annotations

from .command import Command

COMMANDS = (
    Command("welcome.down", "j", "Down", "The next choice.", False),
    Command("welcome.up", "k", "Up", "The choice before.", False),
)
