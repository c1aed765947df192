"""The dry run: the real optimizer compiles against a ghost that costs nothing, and every call is counted."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import ConfigError, OptimizerError
from ..optimizers import registry
from ..optimizers.facts import Facts
from ..optimizers.plan import Range
from ..optimizers.spec import resolve_params
from ..optimizers.supplied import is_supplied
from ..recipe import ROLES, Budget, Recipe, Role
from ..sandbox.client import Sandbox
from ..wording import percent
from .facts import Measured, find_facts

SECONDS = 600.0
CALLS = 2_000_000
ACCEPTED_SHARE = 0.5
"""Of proposals, where nobody measured."""
_JOB = "runs.dry_run_job:run_dry"
_PRELOAD = ("dspy", ".runs.dry_run_job")
_LOAD_SECONDS = 120.0
"""Loading the program and the data comes on top of the time limit."""
_UNMEASURED_RATES = (0.3, 0.6, 0.9)
_Z = 1.645
"""Of a 90 % interval."""
_SAME = 0.02
"""Success rates nearer to each other than this are not run twice."""
_WATCH_SECONDS = 0.05
_MEMORY = "/dev/shm"


class DryRunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the child does: one dry run at one success rate."""

    recipe: Recipe
    workspace: str
    folder: str
    """An empty folder that is thrown away."""
    success_rate: float
    mean_score: float | None = None
    """Of the program as it is, where the success rate is the measured one."""
    demo_rate: float | None = None
    """Part of the rows that come out right where prompts hold demonstrations, as far as that is known."""
    accepted_share: float = ACCEPTED_SHARE
    """Part of the reflection model's proposals that do better on their rows than what they were made of."""
    improves: bool = True
    """Whether the optimizer is expected to find something better: the best program is then scored on test."""
    predictor_calls: dict[str, float] = {}
    """LM calls of each predictor in one program run, as measured."""
    seconds: float = SECONDS
    calls: int = CALLS


class DryRunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a dry run is."""

    success_rate: float
    number: int
    """Of this success rate, from 1."""
    rates: int
    """How many success rates are run."""
    phase: str = "load"
    calls: dict[Role, int] = {}
    """So far, at this rate."""
    trials: int = 0
    trials_total: int | None = None
    fraction: float | None = None
    """Part of the optimizer's own budget that is used, where it has one."""
    seconds: float = 0.0
    """Since this rate was begun."""


class RateRun(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run at one success rate, the scoring before and after the compile included."""

    success_rate: float
    """Asked for: part of the rows that the unoptimized program gets right."""
    reached: float
    """What the metric really said of the ghost's answers."""
    mean_score: float
    chance: float
    """Of a right answer, for each call that has a label."""
    calls: dict[Role, int]
    program_runs: int
    metric_calls: int
    trials: int
    seconds: float
    cpu_seconds: float
    """Of one core: less than `seconds` where the machine has other work."""
    calls_per_second: float
    ended: Literal["completed", "calls", "seconds"] = "completed"
    """Which limit ended it, so that its numbers are lower bounds."""
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.calls.values())


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the real optimizer really asked for, at several success rates side by side."""

    optimizer: str
    rates: tuple[RateRun, ...]
    calls: dict[Role, Range]
    """LM calls a provider would be asked for; expected at the most likely rate, low and high over all."""
    total: Range
    program_runs: Range
    metric_calls: Range
    trials: Range
    seconds: float
    """That the dry run took."""
    calls_per_second: float
    complete: bool
    """False where a limit ended it: the numbers are then lower bounds."""
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def dry_run(
    recipe: Recipe,
    workspace: Path | str | None = None,
    *,
    rates: Sequence[float] | None = None,
    on_progress: Callable[[DryRunProgress], None] | None = None,
    cancel: threading.Event | None = None,
    seconds: float = SECONDS,
    calls: int = CALLS,
) -> DryRun:
    """Run the recipe's optimizer on its program, data and metric with a ghost for every model.

    A ghost answers at once, in form, and right as often as the success rate says. No model is asked, nothing
    is paid, no run folder is left. Everything happens in a child process; `cancel` ends it at once, and
    `on_progress` is called in the caller's thread a few times a second.

    `rates` are the parts of the rows (0 to 1) that the unoptimized program is to get right; left out, the
    measured success rate and the ends of its 90 % interval. `seconds` and `calls` limit each rate: at a
    limit the numbers so far are given, as lower bounds.

    Raises what loading the recipe raises; `RunError` where the run itself would fail; `JobKilled` (of
    `core.sandbox.limits`) where user code hangs, dies, or `cancel` was set.
    """
    if recipe.optimizer is None:
        raise OptimizerError("no optimizer is chosen", where="optimizer.name", fix="name one, e.g. GEPA")
    root = Path(workspace or recipe.workspace or ".").resolve()
    measured = find_facts(recipe, root)
    wanted = _choose_rates(rates, measured)
    runs = []
    with (
        Sandbox(root, preload=_PRELOAD) as sandbox,
        _cancelled_by(cancel, sandbox),
        tempfile.TemporaryDirectory(prefix="compilot-dry-run-", dir=_scratch()) as folder,
    ):
        for number, rate in enumerate(wanted, 1):
            request = _request(recipe, root, Path(folder) / str(number), rate, measured, seconds, calls)
            runs.append(_run_rate(sandbox, request, number, len(wanted), on_progress))
    return _merge(recipe.optimizer.name, runs, measured)


def choose_default_rates(measured: Measured | None) -> tuple[float, ...]:
    """The measured success rate between the ends of its 90 % interval (Wilson's), or a wide guess."""
    if measured is None or measured.facts.success_rate is None:
        return _UNMEASURED_RATES
    rate, rows = measured.facts.success_rate, max(measured.rows, 1)
    scale = 1 + _Z**2 / rows
    middle = (rate + _Z**2 / (2 * rows)) / scale
    reach = _Z * math.sqrt(rate * (1 - rate) / rows + _Z**2 / (4 * rows**2)) / scale
    ends = [round(min(1.0, max(0.0, end)), 2) for end in (middle - reach, middle + reach)]
    return tuple(sorted({rate, *(end for end in ends if abs(end - rate) > _SAME)}))


def _choose_rates(rates: Sequence[float] | None, measured: Measured | None) -> tuple[float, ...]:
    if rates is None:
        return choose_default_rates(measured)
    for rate in rates:
        if not 0.0 <= rate <= 1.0:
            raise ConfigError(
                f"a success rate of {rate:g} is not possible",
                where="success rate",
                fix="give a fraction from 0 to 1, such as 0.6",
            )
    if not rates:
        raise ConfigError("no success rate was given", where="success rate", fix="give one from 0 to 1")
    return tuple(sorted(set(rates)))


def _request(
    recipe: Recipe,
    root: Path,
    folder: Path,
    rate: float,
    measured: Measured | None,
    seconds: float,
    calls: int,
) -> DryRunRequest:
    facts = measured.facts if measured is not None else None
    same = facts is not None and facts.success_rate == rate
    folder.mkdir(mode=0o700)
    return DryRunRequest(
        # The caps are on money and on real calls: none of them is spent here.
        recipe=msgspec.structs.replace(recipe, budget=Budget()),
        workspace=str(root),
        folder=str(folder),
        success_rate=rate,
        mean_score=facts.mean_score if facts is not None and same else None,
        demo_rate=_demo_rate(facts, rate) if facts is not None else None,
        accepted_share=_accepted_share(facts) if facts is not None else ACCEPTED_SHARE,
        improves=facts is None or _improves(recipe, facts),
        predictor_calls={one.name: one.calls for one in facts.predictors} if facts is not None else {},
        seconds=seconds,
        calls=calls,
    )


def _demo_rate(facts: Facts, rate: float) -> float | None:
    """What demonstrations make of this success rate: they mend the same part of the errors as measured."""
    tried = [right for walk in facts.walks if not walk.key.startswith("0/") for right in walk.outcomes]
    if not tried or facts.success_rate is None:
        return None
    measured, with_demos = facts.success_rate, statistics.fmean(tried)
    if with_demos < measured:
        return rate * with_demos / measured
    mended = (with_demos - measured) / (1.0 - measured) if measured < 1.0 else 0.0
    return rate + (1.0 - rate) * mended


def _improves(recipe: Recipe, facts: Facts) -> bool:
    """As the closed form reckons. Raises `OptimizerError` for parameters that do not fit."""
    if recipe.optimizer is None or is_supplied(recipe.optimizer.name):
        return True
    optimizer = registry.get(recipe.optimizer.name)
    params = resolve_params(optimizer.spec, recipe.optimizer.params, facts).params
    return optimizer.work(facts, params).improves >= 0.5


def _accepted_share(facts: Facts) -> float:
    made = [outcome for outcome in facts.reflections if outcome != "skipped"]
    return made.count("accepted") / len(made) if made else ACCEPTED_SHARE


def _run_rate(
    sandbox: Sandbox,
    request: DryRunRequest,
    number: int,
    rates: int,
    on_progress: Callable[[DryRunProgress], None] | None,
) -> RateRun:
    def tell(told: Any) -> None:
        if on_progress is not None:
            named = {"success_rate": request.success_rate, "number": number, "rates": rates}
            on_progress(msgspec.convert({**told, **named}, DryRunProgress))

    tell({})
    limits = msgspec.structs.replace(sandbox.limits, seconds=_LOAD_SECONDS + request.seconds)
    outcome = sandbox.call(_JOB, msgspec.to_builtins(request), limits=limits, on_progress=tell)
    return msgspec.convert(outcome.value, RateRun)


def _scratch() -> str | None:
    """Where the child writes what is thrown away: in memory where the system has such a place."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else None


@contextmanager
def _cancelled_by(cancel: threading.Event | None, sandbox: Sandbox) -> Iterator[None]:
    """Cancel the sandbox's job once the event is set, however silent the job is."""
    if cancel is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        # More than once: the event may be set before the job is there.
        while not over.wait(_WATCH_SECONDS):
            if cancel.is_set():
                sandbox.cancel()

    watcher = threading.Thread(target=watch, name="dry run cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _merge(optimizer: str, runs: Sequence[RateRun], measured: Measured | None) -> DryRun:
    likely = _most_likely(runs, measured)
    roles = [role for role in ROLES if any(role in run.calls for run in runs)]

    def over(count: Callable[[RateRun], int]) -> Range:
        counts = [count(run) for run in runs]
        return Range(min(counts), count(likely), max(counts))

    seconds = sum(run.seconds for run in runs)
    return DryRun(
        optimizer=optimizer,
        rates=tuple(runs),
        calls={role: over(partial(_calls_of, role)) for role in roles},
        total=over(lambda run: run.total),
        program_runs=over(lambda run: run.program_runs),
        metric_calls=over(lambda run: run.metric_calls),
        trials=over(lambda run: run.trials),
        seconds=seconds,
        calls_per_second=sum(run.total for run in runs) / seconds if seconds else 0.0,
        complete=all(run.ended == "completed" for run in runs),
        assumptions=tuple(_assumptions(runs, likely, measured)),
    )


def _calls_of(role: Role, run: RateRun) -> int:
    return run.calls.get(role, 0)


def _most_likely(runs: Sequence[RateRun], measured: Measured | None) -> RateRun:
    """The run at the measured success rate, or nearest to it; the middle one where nobody measured."""
    rate = measured.facts.success_rate if measured is not None else None
    if rate is None:
        rate = statistics.median(run.success_rate for run in runs)
    return min(runs, key=lambda run: abs(run.success_rate - rate))


def _assumptions(runs: Sequence[RateRun], likely: RateRun, measured: Measured | None) -> Iterator[str]:
    if measured is None or measured.facts.success_rate is None:
        yield "nobody has measured how often the program is right: the success rates are a wide guess"
    told = ", ".join(percent(run.success_rate) for run in runs)
    usual = percent(likely.success_rate)
    yield f"the unoptimized program is right on {told} of the rows; expected is {usual}"
    for run in runs:
        if abs(run.reached - run.success_rate) > 0.1:
            yield (
                f"asked for {percent(run.success_rate)} right, the ghost reached {percent(run.reached)}: the "
                "metric does not go by the labels alone"
            )
        if run.ended != "completed":
            yield f"at {percent(run.success_rate)} the limit of {run.ended} ended it: these are lower bounds"
    yield from dict.fromkeys(note for run in runs for note in run.notes)
    yield "answers are ghosts': no prompt gets better by what it says, and every answer can be read"
