"""Imported by the warm child before the first job: what nearly every fork would otherwise load itself."""

from __future__ import annotations

import filelock
from dspy.evaluate import metrics

from ..data.formats import delimited, jsonfile
from ..models import prices
from ..models.embedded import engine
from . import jobs

WARMED = (filelock, metrics, delimited, jsonfile, prices.load_metadata(), engine, jobs)
"""Held so that the imports are used; the price list is read once for all forks."""
