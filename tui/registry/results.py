"""What works in the Results place."""

from __future__ import annotations

from .command import Command

COMMANDS: tuple[Command, ...] = ()
