"""What works in the Runs place."""

from __future__ import annotations

from .command import Command

COMMANDS: tuple[Command, ...] = ()
