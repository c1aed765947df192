"""Exit codes of the command line; 0 is fine."""

from __future__ import annotations

FAILED = 1
"""The thing asked for failed, or a check did."""
USAGE = 2
INTERRUPTED = 130
