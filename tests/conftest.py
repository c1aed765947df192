"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# Processes that tests start keep their modules compiled, as those of an installed app do: they start sooner.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes is the machine's affair; tests run side by side on busy ones.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests of screens and processes wait about a quarter of their time."""
    return (os.cpu_count() or 1) + 1
