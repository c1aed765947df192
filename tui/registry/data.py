"""What works in the Data place."""

from __future__ import annotations

from .command import Command

COMMANDS: tuple[Command, ...] = ()
