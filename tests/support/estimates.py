"""Estimates beside real runs: the promise by role, the table in the README, and how it is written.

`python -m tests.support.estimates --write FOLDER` runs what FOLDER holds no run of yet and writes the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from core.cost.calibrate import read_past_runs
from core.cost.estimate import Estimate, estimate_run
from core.cost.facts import get_all_facts
from core.errors import CompilotError
from core.optimizers import registry
from core.recipe import Recipe, Role
from core.samples import copy_sample
from core.workspace import Workspace
from tests.support.runs import run_to_end

SAMPLES = ("router", "triage", "pipeline7")
OTHER: dict[str, dict[str, Any]] = {
    "LabeledFewShot": {"k": 4},
    "BootstrapFewShot": {"max_bootstrapped_demos": 8, "max_rounds": 2},
    "BootstrapFewShotWithRandomSearch": {"num_candidate_programs": 5, "max_labeled_demos": 4},
    "BootstrapFewShotWithOptuna": {"num_candidate_programs": 6, "max_demos": 8},
    "KNNFewShot": {"k": 5},
    "COPRO": {"breadth": 4, "depth": 2},
    "MIPROv2": {"num_candidates": 5, "num_trials": 12},
    "SIMBA": {"bsize": 16, "max_steps": 4, "num_candidates": 4},
    "GEPA": {"max_full_evals": 6, "component_selector": "round_robin", "reflection_minibatch_size": 4},
    "InferRules": {"num_candidates": 4},
    "Ensemble": {"programs": 5},
}
"""One setting besides the default."""
PROMISED = {"student": 0.10, "teacher": 0.10, "reflection": 0.25, "proposer": 0.25}
"""How far the expected calls of a role may be off."""
TOKENS_PROMISED = 0.20
README = Path(__file__).parents[2] / "README.md"
_MARK = "<!-- estimates -->"
_END = "<!-- /estimates -->"


class Case(NamedTuple):
    sample: str
    optimizer: str
    setting: str

    @property
    def params(self) -> dict[str, Any]:
        return OTHER[self.optimizer] if self.setting == "other" else {}


class Compared(NamedTuple):
    """One role of one run, estimated and real."""

    case: Case
    role: Role
    low: float
    expected: float
    high: float
    asked: int
    tokens_low: float
    tokens: float
    tokens_high: float
    spent: int
    """Tokens in and out that the run really took."""

    @property
    def calls_off(self) -> float:
        return self.expected / self.asked - 1

    @property
    def tokens_off(self) -> float:
        return self.tokens / self.spent - 1

    @property
    def broken(self) -> list[str]:
        """Which parts of the promise do not hold."""
        parts = {
            "calls": abs(self.calls_off) <= PROMISED[self.role],
            "range": self.low <= self.asked <= self.high,
            "tokens": abs(self.tokens_off) <= TOKENS_PROMISED,
            "token range": self.tokens_low <= self.spent <= self.tokens_high,
        }
        return [name for name, holds in parts.items() if not holds]


def all_cases() -> list[Case]:
    return [
        Case(sample, optimizer, setting)
        for optimizer in registry.names()
        for setting in ("default", "other")
        for sample in SAMPLES
    ]


def open_sample(sample: str, folder: Path) -> Workspace:
    """A copy of the sample, made when missing; nothing waits in it, which changes no count."""
    place = folder / sample
    if not (place / "compilot.toml").exists():
        copy_sample(sample, place)
        config = place / "compilot.toml"
        config.write_text(
            config.read_text()
            .replace("dials = { latency = 0.04 }", "")
            .replace("minutes = 15", "minutes = 60")
        )
    return Workspace.open(place)


def compare(cases: Sequence[Case], folder: Path) -> list[Compared]:
    """Estimate each case, without past runs, and run it, unless the folder has its run already."""
    rows: list[Compared] = []
    for sample in dict.fromkeys(case.sample for case in cases):
        workspace = open_sample(sample, folder)
        own = [case for case in cases if case.sample == sample]
        recipes = [workspace.recipe(optimizer=case.optimizer, params=case.params) for case in own]
        for case, recipe, measured in zip(
            own, recipes, get_all_facts(recipes, workspace.root, calibrated=False), strict=True
        ):
            if isinstance(measured, CompilotError):
                raise measured
            rows += compare_ledger(case, estimate_run(recipe, measured), real_ledger(recipe, workspace.root))
    return rows


def real_ledger(recipe: Recipe, root: Path) -> dict[str, dict[str, int]]:
    """What a real run of the recipe asked and took, by role."""
    for past in read_past_runs(recipe, root, most=1000):
        if past.recipe.optimizer == recipe.optimizer and past.recipe.run == recipe.run:
            return {role: msgspec.to_builtins(line) for role, line in past.ledger.items()}
    _, state = run_to_end(root, recipe)
    assert state.status == "completed", state.stop_reason
    return {role: dict(line) for role, line in state.ledger.items()}


def compare_ledger(case: Case, found: Estimate, ledger: dict[str, dict[str, int]]) -> list[Compared]:
    rows = []
    for role, line in ledger.items():
        if not line["asked"]:
            continue
        one = found.roles[role]  # type: ignore[index]
        rows.append(
            Compared(
                case,
                role,  # type: ignore[arg-type]
                one.calls.low,
                one.calls.expected,
                one.calls.high,
                line["asked"],
                one.input_tokens.low + one.output_tokens.low,
                one.input_tokens.expected + one.output_tokens.expected,
                one.input_tokens.high + one.output_tokens.high,
                line["input_tokens"] + line["output_tokens"],
            )
        )
    return rows


def make_table(rows: Iterable[Compared]) -> list[str]:
    """A line for each role of each run, in Markdown."""
    lines = [
        "| optimizer | setting | sample | role | expected | real | off | low to high | tokens off |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        lines.append(
            f"| {row.case.optimizer} | {row.case.setting} | {row.case.sample} | {row.role} "
            f"| {row.expected:,.0f} | {row.asked:,} | {row.calls_off:+.0%} "
            f"| {row.low:,.0f} to {row.high:,.0f} | {row.tokens_off:+.0%} |"
        )
    return lines


def make_matrix(rows: Sequence[Compared]) -> list[str]:
    """A line for each optimizer and setting, a column for each sample: expected / real calls of each role."""
    lines = [
        f"| optimizer, setting | {' | '.join(SAMPLES)} |",
        f"| --- | {' | '.join('---' for _ in SAMPLES)} |",
    ]
    for optimizer, setting in dict.fromkeys((row.case.optimizer, row.case.setting) for row in rows):
        cells = [
            _describe([row for row in rows if row.case == Case(sample, optimizer, setting)])
            for sample in SAMPLES
        ]
        chosen = ", ".join(f"{name}={value}" for name, value in OTHER[optimizer].items())
        shown = chosen if setting == "other" else "default"
        lines.append(f"| `{optimizer}`, {shown} | {' | '.join(cells)} |")
    return lines


def _describe(rows: Sequence[Compared]) -> str:
    if not rows:
        return ""
    calls = ", ".join(f"{row.role} {row.expected:,.0f} / {row.asked:,}" for row in rows)
    off = sum(row.tokens for row in rows) / sum(row.spent for row in rows) - 1
    return f"{calls}; tokens {off:+.0%}"


def summarize(rows: Sequence[Compared]) -> str:
    """How many of them keep the promise."""
    kept = sum(not row.broken for row in rows)
    calls = sum("calls" not in row.broken for row in rows)
    inside = sum("range" not in row.broken for row in rows)
    tokens = sum("tokens" not in row.broken for row in rows)
    return (
        f"{len({row.case for row in rows})} runs, {len(rows)} roles: calls as promised in {calls}, inside "
        f"low and high in {inside}, tokens within {TOKENS_PROMISED:.0%} in {tokens}; everything in {kept}."
    )


def write_readme(rows: Sequence[Compared], path: Path = README) -> None:
    """Put the table between the marks of the README."""
    text = path.read_text()
    before, _, rest = text.partition(_MARK)
    _, _, after = rest.partition(_END)
    table = "\n".join([summarize(rows), "", *make_matrix(rows)])
    path.write_text(f"{before}{_MARK}\n{table}\n{_END}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the sample workspaces and their runs are kept")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    chosen = parser.parse_args()
    rows = compare(all_cases(), chosen.folder)
    print("\n".join([*make_table(rows), "", summarize(rows)]))
    if chosen.write:
        write_readme(rows)
    sys.exit(any(row.broken for row in rows))


if __name__ == "__main__":
    main()
