"""Progress on the command line: live, plain lines, JSON lines, none."""

from __future__ import annotations

from .base import Display, NoDisplay, ProgressKind, open_display

__all__ = ["Display", "NoDisplay", "ProgressKind", "open_display"]
