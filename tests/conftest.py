"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes is the machine's affair; tests run side by side on busy ones.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
