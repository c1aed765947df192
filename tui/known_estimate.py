"""The estimate of a draft from what was measured before, for the header of places that estimate nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import CompilotError

if TYPE_CHECKING:
    from core.cost.estimate import Estimate
    from core.recipe import Recipe

    from .session import Session


def find_estimate(session: Session, draft: Recipe) -> Estimate | None:
    """None where nothing that still holds was measured. Reads files: for a thread."""
    from core.cost.estimate import estimate_run

    from .panes.optimize.jobs import MEASURED_KEY, find_kept
    from .panes.optimize.shelf import Shelf

    shelf = Shelf(find_kept(draft, [], session.recall(MEASURED_KEY, []), session.root))
    found = shelf.find(draft)
    if found is None or draft.optimizer is None:
        return None
    try:
        return estimate_run(draft, found.measured)
    except CompilotError:
        return None  # Optimize says why
