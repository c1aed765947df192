"""What past runs of a workspace teach its estimates: tokens, latency, acceptance, repeated requests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..models.roles import fill_roles
from ..optimizers.facts import Reflection, Texts, fit_growth
from ..recipe import ModelProfile, Recipe, Role
from ..store import read_jsonl
from ..workspace import STATE_NAME
from .facts import CallTokens, Measured

_MOST_RUNS = 20
_LARGEST_LOG = 32_000_000
"""Bytes of an event log that is read for what became of its proposals; a longer one would take too long."""
_WRITING: tuple[Role, ...] = ("reflection", "proposer")


class PastRole(msgspec.Struct, frozen=True):
    """A role's line in the ledger of a run."""

    asked: int = 0
    paid: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    latency_seconds: float | None = None
    without_usage: int = 0


class PastRun(msgspec.Struct, frozen=True):
    """A completed run of the same program, data and metric."""

    run_id: str
    recipe: Recipe
    ledger: dict[Role, PastRole]
    reflections: tuple[Reflection, ...] = ()
    texts: Texts | None = None


class _Result(msgspec.Struct, frozen=True):
    status: str
    ledger: dict[Role, PastRole]


class _Stored(msgspec.Struct, frozen=True):
    recipe: Recipe


class _Provenance(msgspec.Struct, frozen=True):
    code: dict[str, str]


def read_past_runs(recipe: Recipe, root: Path, *, most: int = _MOST_RUNS) -> list[PastRun]:
    """Completed runs of the recipe's program, data and metric with the code as it is now, newest first.

    `most` is how many runs are looked at.

    Folders that cannot be read are left out: they are no run's fault, and an estimate does without.
    """
    folders = sorted((root / STATE_NAME / "runs").glob("*/result.json"), reverse=True)[:most]
    hashes: dict[str, str | None] = {}
    found = []
    for path in folders:
        folder = path.parent
        try:
            result = msgspec.json.decode(path.read_bytes(), type=_Result)
            stored = msgspec.json.decode((folder / "recipe.json").read_bytes(), type=_Stored).recipe
            code = msgspec.json.decode((folder / "provenance.json").read_bytes(), type=_Provenance).code
        except (OSError, msgspec.MsgspecError):
            continue
        same = (stored.program, stored.data, stored.metric) == (recipe.program, recipe.data, recipe.metric)
        if result.status != "completed" or not same or stored.optimizer is None:
            continue
        if any(_hash(root / name, hashes) != sha for name, sha in code.items()):
            continue
        found.append(PastRun(folder.name, stored, result.ledger))
    return found


def read_proposals(past: PastRun, root: Path) -> PastRun:
    """The same run with what became of its proposals, from its event log."""
    log = root / STATE_NAME / "runs" / past.run_id / "events.jsonl"
    if not log.exists() or log.stat().st_size > _LARGEST_LOG:
        return past
    texts: list[tuple[str, str]] = []
    outcomes: list[Reflection] = []
    outcome: Reflection = "skipped"
    trial, merged = 0, False
    for event in read_jsonl(log):
        kind = event.get("type")
        if kind == "trial_started":
            trial, outcome, merged = int(event.get("trial") or 0), "skipped", False
        elif kind == "proposal":
            merged = "," in str(event.get("parent") or "")  # a merge has two
            outcome = "accepted" if event.get("accepted") else "rejected"
            if not merged:
                texts.append((str(event.get("component", "")), str(event.get("text", ""))))
        elif kind == "trial_ended" and trial > 0 and not merged:
            outcomes.append(outcome)
    return msgspec.structs.replace(past, reflections=tuple(outcomes), texts=fit_growth(texts))


def calibrate(measured: Measured, recipe: Recipe, past: Sequence[PastRun]) -> Measured:
    """The facts with what whole runs have shown put in the place of what a few rows did.

    Where the model is the same: latencies of every role, from all runs; tokens of the reflection and proposer
    models, from runs of the same optimizer; repeated requests and prompt lengths, from runs with the same
    parameters. What became of GEPA's reflections comes from the newest run of GEPA that had the same
    minibatches and component selector.
    """
    if recipe.optimizer is None or not past:
        return measured
    models = fill_roles(recipe.models)
    tokens, latency = dict(measured.tokens), dict(measured.latency_seconds)
    alike = [
        run for run in past if run.recipe.optimizer and run.recipe.optimizer.name == recipe.optimizer.name
    ]
    equal = [run for run in alike if run.recipe.optimizer == recipe.optimizer]
    used: set[str] = set()
    shares: dict[Role, float] = {}
    lengths: dict[Role, CallTokens] = {}
    cached: dict[Role, float] = {}
    for role, profile in models.items():
        lines = _lines(past, role, profile)
        if lines and _waits(profile):
            calls = sum(line.paid for _, line in lines)
            latency[role] = sum((line.latency_seconds or 0.0) * line.paid for _, line in lines) / calls
            used |= {run.run_id for run, _ in lines}
        if lines:
            cached[role] = sum(line.cached_input_tokens for _, line in lines) / max(
                1, sum(line.input_tokens for _, line in lines)
            )
        if role in _WRITING and (own := _lines(alike, role, profile)):
            tokens[role] = _mean(own)
            used |= {run.run_id for run, _ in own}
        if same := _lines(equal, role, profile):
            shares[role] = sum(line.paid for _, line in same) / sum(line.asked for _, line in same)
            lengths[role] = _mean(same)
            used |= {run.run_id for run, _ in same}
    facts = measured.facts
    recorded = next((run for run in alike if run.reflections and _same_batches(run, recipe)), None)
    if recorded is not None:
        facts = msgspec.structs.replace(facts, reflections=recorded.reflections)
        used.add(recorded.run_id)
    written = next((run.texts for run in alike if run.texts is not None), None)
    if written is not None and any(role in tokens for role in _WRITING):
        facts = msgspec.structs.replace(facts, texts=written)
    return msgspec.structs.replace(
        measured,
        facts=facts,
        tokens=tokens,
        latency_seconds=latency,
        paid_shares=shares,
        run_tokens=lengths,
        cached_shares={role: share for role, share in cached.items() if share > 0},
        past_runs=len(used),
    )


def apply_past_runs(measured: Measured, recipe: Recipe, root: Path) -> Measured:
    """The facts calibrated by the workspace's own runs."""
    past = read_past_runs(recipe, root)
    if recipe.optimizer is None or not past:
        return measured
    newest = next(
        (run for run in past if run.recipe.optimizer and run.recipe.optimizer.name == recipe.optimizer.name),
        None,
    )
    if newest is not None and newest.ledger.get("reflection"):
        known = read_proposals(newest, root)
        past = [known if run is newest else run for run in past]
    return calibrate(measured, recipe, past)


def _lines(runs: Sequence[PastRun], role: Role, profile: ModelProfile) -> list[tuple[PastRun, PastRole]]:
    """The role's ledger lines in runs that had the same model for it, with answers whose tokens are known."""
    found = []
    for run in runs:
        line = run.ledger.get(role)
        if line is None or not line.paid or line.without_usage:
            continue
        if fill_roles(run.recipe.models)[role] == profile:
            found.append((run, line))
    return found


def _mean(lines: Sequence[tuple[PastRun, PastRole]]) -> CallTokens:
    paid = sum(line.paid for _, line in lines)
    return CallTokens(
        sum(line.input_tokens for _, line in lines) / paid,
        sum(line.output_tokens for _, line in lines) / paid,
    )


def _same_batches(run: PastRun, recipe: Recipe) -> bool:
    first, second = run.recipe.optimizer, recipe.optimizer
    assert first is not None
    assert second is not None
    names = ("reflection_minibatch_size", "component_selector", "acceptance_criterion", "skip_perfect_score")
    return [first.params.get(name) for name in names] == [second.params.get(name) for name in names]


def _waits(profile: ModelProfile) -> bool:
    """Whether a call waits for a provider; what an embedded model computes depends on the threads."""
    return not profile.model.startswith("embedded/") or bool(profile.dials.get("latency"))


def _hash(path: Path, known: dict[str, str | None]) -> str | None:
    name = str(path)
    if name not in known:
        try:
            known[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            known[name] = None
    return known[name]
