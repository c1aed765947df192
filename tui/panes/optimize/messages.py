"""What the workers of the Optimize place come back with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from core.cost.dry_run import DryRun, DryRunProgress
from core.cost.estimate import Estimate
from core.cost.facts import Measured
from core.errors import CompilotError
from core.recipe import Recipe
from core.workbench.reports import LoadReport

from .advice import Looked as LookedAt
from .fit import Fit
from .further import Further
from .jobs import Pair
from .models import ModelRow


@dataclass
class Looked(Message):
    """What is known on disk, and whether the folder's code may run without asking."""

    asked: list[Recipe]
    """What was looked for, besides what was measured in earlier sessions."""
    pairs: list[Pair]
    trusted: bool
    models: tuple[ModelRow, ...]


@dataclass
class WasMeasured(Message):
    """The program was run on a few rows; or why not."""

    recipe: Recipe
    measured: Measured | None = None
    error: CompilotError | None = None


@dataclass
class WereCosted(Message):
    """Every optimizer's estimate."""

    costs: Mapping[str, Estimate | str]


@dataclass
class WasLoaded(Message):
    """Program, data and metric were loaded in the child; or why not."""

    recipe: Recipe
    report: LoadReport | None = None
    error: CompilotError | None = None


@dataclass
class WereAsked(Message):
    """Each model was asked a short question; or why not."""

    answers: list[dict[str, Any]]
    error: CompilotError | None = None


@dataclass
class WasLookedAt(Message):
    """Data, program and metric, for the ranking."""

    looked: LookedAt


@dataclass
class WereRanked(Message):
    """The optimizers, the best first."""

    fits: tuple[Fit, ...]


@dataclass
class WorkedOut(Message):
    """What stands beside the estimate."""

    further: Further


@dataclass
class DryTold(Message):
    """How far a dry run is."""

    told: DryRunProgress

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, DryTold)


@dataclass
class DryRan(Message):
    """What a dry run found; neither when it was cancelled."""

    recipe: Recipe
    found: DryRun | None = None
    error: CompilotError | None = None
