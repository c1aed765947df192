"""Compilot's headless core: from program, data and metric to a verified, optimized DSPy program.

Names are imported when first used, so that `import core` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advice.recommend import Advice, recommend
    from .api import compile_program, follow, load_run, load_state, resume_run, start_run
    from .cost.dry_run import DryRun, DryRunProgress, dry_run
    from .cost.estimate import Estimate, estimate
    from .errors import CompilotError, StopRun
    from .recipe import Budget, ModelProfile, Recipe
    from .results.compare import compare_candidates
    from .results.evaluate import evaluate_file, evaluate_run
    from .results.export import export_run
    from .results.load import load_program
    from .results.report import report_run, write_report
    from .workspace import Workspace

_HOMES = {
    "advice.recommend": ("Advice", "recommend"),
    "api": ("compile_program", "follow", "load_run", "load_state", "resume_run", "start_run"),
    "cost.dry_run": ("DryRun", "DryRunProgress", "dry_run"),
    "cost.estimate": ("Estimate", "estimate"),
    "errors": ("CompilotError", "StopRun"),
    "recipe": ("Budget", "ModelProfile", "Recipe"),
    "results.compare": ("compare_candidates",),
    "results.evaluate": ("evaluate_file", "evaluate_run"),
    "results.export": ("export_run",),
    "results.load": ("load_program",),
    "results.report": ("report_run", "write_report"),
    "workspace": ("Workspace",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Advice",
    "Budget",
    "CompilotError",
    "DryRun",
    "DryRunProgress",
    "Estimate",
    "ModelProfile",
    "Recipe",
    "StopRun",
    "Workspace",
    "compare_candidates",
    "compile_program",
    "dry_run",
    "estimate",
    "evaluate_file",
    "evaluate_run",
    "export_run",
    "follow",
    "load_program",
    "load_run",
    "load_state",
    "recommend",
    "report_run",
    "resume_run",
    "start_run",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if (module := _HOME_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{module}", __name__), name)
