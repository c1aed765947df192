"""Measures the facts plans rest on, by running the program and parts of optimizers for real; worker only."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dspy
import msgspec
from dspy.utils.callback import BaseCallback

from .base import CompileInputs, Optimizer, RowScore, bootstrap_metric
from .facts import Facts, PredictorFacts, Reflection, Texts, Walk, count_tokens, fit_growth
from .plan import BootstrapSet
from .prompts import fit_choices
from .spec import Params, resolve_params
from .watch import Watch, score_of

_DIRECT = ""
_VAL_ROWS_FOR_REFLECTIONS = 24


class SilentObserver:
    """An observer for work that is no run."""

    def trial_started(
        self, trial: int, *, total: int | None = None, fraction: float | None = None, note: str = ""
    ) -> None: ...

    def trial_ended(self, trial: int, **outcome: Any) -> None: ...

    def candidate(self, program: dspy.Module, *, parents: Sequence[str] = (), origin: str = "") -> str:
        return ""

    def evaluation_started(self, *, kind: str, size: int, candidate: str | None = None) -> str:
        return ""

    def evaluation_ended(
        self,
        evaluation: str,
        *,
        score: float | None,
        split: str,
        rows: Sequence[RowScore] = (),
        candidate: str | None = None,
    ) -> None: ...

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None: ...

    def pareto(self, fronts: Mapping[str, Sequence[str]]) -> None: ...

    def log(self, message: str, *, level: str = "info") -> None: ...


@dataclasses.dataclass
class ProgramRuns:
    """What runs of the program as it is have shown."""

    facts: Facts
    examples: list[dspy.Example]
    traces: list[list[Any]]
    """dspy's own trace of each run that did not fail, in the order of the examples."""


def measure_program(inputs: CompileInputs, *, test: int, rows: int = 20) -> Facts:
    """Sizes, LM calls per run and predictor, and how often the program is right as it is.

    Runs the program on the first `rows` rows of the val split (train, where there is none), one by one.
    """
    return run_program(inputs, test=test, rows=rows).facts


def run_program(inputs: CompileInputs, *, test: int, rows: int = 20) -> ProgramRuns:
    """The same, with the traces of the runs."""
    counter = _CallCounter({id(found): name for name, found in inputs.student.named_predictors()})
    judge = inputs.metric.for_evaluate()
    strict = inputs.metric.for_bootstrap()
    examples = (inputs.valset or inputs.trainset)[:rows]
    scores: list[float] = []
    right = errors = 0
    per_run: list[int] = []
    traces: list[list[Any]] = []
    done: list[dspy.Example] = []
    with dspy.context(lm=inputs.lms["student"], callbacks=[*dspy.settings.callbacks, counter]):
        for example in examples:
            before = counter.calls.total()
            try:
                with dspy.context(trace=[]):
                    prediction = inputs.student(**example.inputs())
                    traces.append(list(dspy.settings.trace))
                done.append(example)
                per_run.append(counter.calls.total() - before)
                with counter.judging():
                    scores.append(score_of(judge(example, prediction)))
                    right += bool(strict(example, prediction, []))
            except Exception:  # noqa: BLE001  # counted: an error is a fact about the program
                errors += 1
    count = max(len(examples), 1)
    runs = max(len(per_run), 1)
    mean = statistics.fmean(per_run) if per_run else 0.0
    predictors = list(inputs.student.named_predictors())
    facts = Facts(
        train=len(inputs.trainset),
        val=len(inputs.valset),
        test=test,
        predictors=tuple(
            PredictorFacts(
                name=name,
                calls=counter.calls[name] / runs if per_run else 1.0,
                variety=_variety(predictor, traces),
                reads=_reads(predictor, predictors, done, traces),
            )
            for name, predictor in predictors
        ),
        direct_calls=counter.calls[_DIRECT] / runs,
        calls_spread=statistics.pstdev(per_run) / mean if mean else 0.0,
        success_rate=right / count,
        perfect_rate=sum(score >= 1.0 for score in scores) / count,
        mean_score=sum(scores) / count,
        judge_calls=counter.judge / max(2 * len(scores), 1),
        error_rate=errors / count,
        instruction_tokens=statistics.fmean(
            count_tokens(predictor.signature.instructions) for _, predictor in predictors
        )
        if predictors
        else 0.0,
        num_threads=inputs.num_threads,
        seed=inputs.seed,
    )
    return ProgramRuns(facts, done, traces)


def run_with_labels(
    inputs: CompileInputs, examples: Sequence[dspy.Example], demos: int
) -> list[dict[str, str]]:
    """Runs the program on these rows, with so many labeled demonstrations in every prompt.

    Gives what each predictor read in each run, as text.
    """
    program = dspy.LabeledFewShot(k=demos).compile(inputs.student, trainset=inputs.trainset)
    return _run_all(inputs, program, examples)


def run_with_traces(
    inputs: CompileInputs, examples: Sequence[dspy.Example], traces: Sequence[Sequence[Any]]
) -> list[dict[str, str]]:
    """The same with those runs as demonstrations, as a bootstrap makes them."""
    return _run_all(inputs, _with_demos(inputs, traces), examples)


def find_alternatives(facts: Facts, kinds: Sequence[Sequence[Mapping[str, str]]]) -> Facts:
    """How many different inputs a row gives each predictor under different prompts.

    `kinds` has, for each kind of prompts, what the predictors read in the runs of the same rows.
    """
    found = []
    for known in facts.predictors:
        rows = [
            [run[known.name] for run in versions if known.name in run]
            for versions in zip(*kinds, strict=False)
        ]
        draws = sum(map(len, rows)) / max(len(rows), 1)
        different = sum(len(set(row)) for row in rows) / max(len(rows), 1)
        found.append(
            msgspec.structs.replace(known, alternatives=fit_choices(draws, different) if draws > 1 else 1.0)
        )
    return msgspec.structs.replace(facts, predictors=tuple(found))


@dataclasses.dataclass
class TextProbe:
    """What an optimizer has written and asked."""

    texts: Texts
    new_share: float | None
    """Part of the student's requests that were new; None where there were none."""
    written: list[tuple[str, str]]
    """(component, text) in order."""


def probe_texts(
    optimizer: Optimizer,
    inputs: CompileInputs,
    settings: Mapping[str, Any],
    *,
    train: int | None = None,
    val: int | None = None,
    drop_first: bool = False,
) -> TextProbe:
    """What the optimizer has written when it really runs, with these settings and on few rows.

    The calls of its proposer are those of a whole run, as far as the settings say so; the tokens are in the
    ledger. `drop_first`: the optimizer does not use the first text for each predictor.
    """
    observer = _Proposals(drop_first)
    few = dataclasses.replace(
        inputs,
        params=dict(settings),
        trainset=inputs.trainset[:train],
        valset=inputs.valset[:val],
        observer=observer,
    )
    counter = _Requests(inputs.lms["student"])
    with dspy.context(callbacks=[*dspy.settings.callbacks, counter]):
        optimizer.compile(few)
    # Tried, and nothing was written: that is known, too.
    summary = fit_growth([("", text) for _, text in observer.written], grows=False) or Texts(0, 0, 0.0)
    return TextProbe(summary, counter.new / counter.asked if counter.asked else None, observer.written)


def compare_scores(inputs: CompileInputs, *, rows: int, programs: int) -> float:
    """Part of so many programs with a single demonstration that score better than the program as it is.

    Every other demonstration is a labeled row, the others are runs on train rows that came out right.
    """
    judge, strict = inputs.metric.for_evaluate(), inputs.metric.for_bootstrap()
    examples = (inputs.valset or inputs.trainset)[:rows]

    def score(program: dspy.Module) -> float:
        scores = []
        for example in examples:
            with contextlib.suppress(Exception):  # counts as zero, as in dspy's evaluation
                scores.append(score_of(judge(example, program(**example.inputs()))))
        return sum(scores)

    variants: list[dspy.Module] = []
    with dspy.context(lm=inputs.lms["student"]):
        for example in inputs.trainset[: 4 * programs]:
            if 2 * len(variants) >= programs:
                break
            with contextlib.suppress(Exception), dspy.context(trace=[]):
                prediction = inputs.student(**example.inputs())
                trace = list(dspy.settings.trace)
                if strict(example, prediction, []):
                    variants.append(_with_demos(inputs, [trace]))
        for example in inputs.trainset[: programs - len(variants)]:
            variants.append(dspy.LabeledFewShot(k=1).compile(inputs.student, trainset=[example]))
        before = score(inputs.student)
        return statistics.fmean(score(variant) > before for variant in variants)


def _with_demos(inputs: CompileInputs, traces: Sequence[Sequence[Any]]) -> dspy.Module:
    program = inputs.student.deepcopy()
    for original, predictor in zip(inputs.student.predictors(), program.predictors(), strict=True):
        # Of several calls in one run dspy keeps one.
        steps = [own[-1] for trace in traces if (own := [step for step in trace if step[0] is original])]
        predictor.demos = [
            dspy.Example(augmented=True, **values, **dict(answer.items())) for _, values, answer in steps
        ]
    return program


def _run_all(
    inputs: CompileInputs, program: dspy.Module, examples: Sequence[dspy.Example]
) -> list[dict[str, str]]:
    read = []
    with dspy.context(lm=inputs.lms["student"]):
        for example in examples:
            with dspy.context(trace=[]):
                try:
                    program(**example.inputs())
                except Exception as error:  # noqa: BLE001  # the user's program: its errors are counted elsewhere
                    inputs.observer.log(f"a run with demonstrations failed: {type(error).__name__}: {error}")
                read.append(read_inputs(program, dspy.settings.trace))
    return read


def read_inputs(program: dspy.Module, trace: Sequence[Any]) -> dict[str, str]:
    """What each predictor of the program was given in a run."""
    names = {id(found): name for name, found in program.named_predictors()}
    read: dict[str, str] = {}
    for found, values, _ in trace:
        if id(found) in names:
            read[names[id(found)]] = read.get(names[id(found)], "") + repr(sorted(values.items()))
    return read


def _variety(predictor: Any, traces: Sequence[Sequence[Any]]) -> float | None:
    """From how many of the predictor's requests were different ones."""
    asked = [repr(sorted(step[1].items())) for trace in traces for step in trace if step[0] is predictor]
    return fit_choices(len(asked), len(set(asked))) if asked else None


def _reads(
    predictor: Any,
    predictors: Sequence[tuple[str, Any]],
    examples: Sequence[dspy.Example],
    traces: Sequence[Sequence[Any]],
) -> tuple[str, ...]:
    """Predictors whose answers turn up among its inputs in every run; all before it where nothing tells.

    An input that is no input of the row either was made by the program's own code, from who knows what.
    """
    names = {id(found): name for name, found in predictors}
    always: set[str] | None = None
    for example, trace in zip(examples, traces, strict=True):
        given = [repr(value) for value in example.inputs().values()]
        before: dict[str, list[str]] = {}
        for found, values, answer in trace:
            if found is predictor:
                read: set[str] = set()
                for value in values.values():
                    if repr(value) in given:
                        continue
                    sources = {name for name, answers in before.items() if repr(value) in answers}
                    read |= sources or set(before)
                always = read if always is None else always & read
                break
            if id(found) in names:
                before.setdefault(names[id(found)], []).extend(repr(value) for value in answer.values())
    return tuple(sorted(always or ()))


def probe_bootstraps(
    inputs: CompileInputs, bootstraps: Sequence[BootstrapSet], *, max_runs: int | None = None
) -> tuple[Walk, ...]:
    """Try bootstraps as the optimizer will, with dspy's own class, and note which attempts came out right.

    Stops after `max_runs` teacher runs in all; the last walk is then incomplete. `StopRun` gets through.
    """
    walks: dict[str, Walk] = {}
    left = max_runs
    for bootstrap in sorted(bootstraps, key=lambda one: -one.wanted):
        if bootstrap.key in walks or (left is not None and left <= 0):
            continue
        walk = _walk(inputs, bootstrap, left)
        walks[bootstrap.key] = walk
        if left is not None:
            left -= len(walk.outcomes)
    return tuple(walks.values())


@dataclasses.dataclass
class ReflectionProbe:
    """What the first iterations of GEPA did."""

    outcomes: tuple[Reflection, ...]
    texts: Texts | None
    val: int
    """Val rows that accepted programs were scored on."""
    new_runs: float
    """Program runs' worth of requests that none before them had asked."""


def probe_reflections(
    optimizer: Optimizer, inputs: CompileInputs, params: Params, *, calls_per_run: float, iterations: int = 12
) -> ReflectionProbe:
    """What became of the first iterations of real GEPA with these parameters: about so many, without merges;
    and what was written in them.

    Candidates are scored on a few val rows only: whether one is accepted is decided on train rows.
    """
    val = inputs.valset[:_VAL_ROWS_FOR_REFLECTIONS]
    longest = 2 * params["reflection_minibatch_size"] + len(val)
    settings = {
        **params,
        "auto": None,
        "max_full_evals": None,
        "max_metric_calls": len(val) + iterations * longest,
        "use_merge": False,
    }
    observer = _Reflections()
    counter = _Requests(inputs.lms["student"])
    with dspy.context(callbacks=[*dspy.settings.callbacks, counter]):
        optimizer.compile(dataclasses.replace(inputs, params=settings, valset=val, observer=observer))
    return ReflectionProbe(
        tuple(observer.outcomes), fit_growth(observer.texts), len(val), counter.new / calls_per_run
    )


def measure_facts(
    optimizer: Optimizer,
    inputs: CompileInputs,
    *,
    test: int,
    rows: int = 20,
    max_runs: int | None = None,
    thorough: bool = True,
    known: Facts | None = None,
) -> Facts:
    """Everything the plan of this optimizer with these parameters (`inputs.params`) can rest on.

    `max_runs` caps the teacher's runs over all bootstraps together. Without `thorough` the probes that only
    one optimizer needs are left out: they call expensive models. `known` are facts of the program that were
    measured before.
    """
    facts = known or measure_program(inputs, test=test, rows=rows)
    params = resolve_params(optimizer.spec, inputs.params, facts).params
    bootstraps = optimizer.bootstraps(facts, params)
    facts = msgspec.structs.replace(facts, walks=probe_bootstraps(inputs, bootstraps, max_runs=max_runs))
    return optimizer.probe(inputs, params, facts) if thorough else facts


class _Enough(BaseException):
    """The probe may run no more; no Exception, so that dspy does not take it for a failed attempt."""


class _WalkWatch(Watch):
    def __init__(self, inputs: CompileInputs, threshold: float | None, most: int | None) -> None:
        super().__init__(inputs)
        self.outcomes: list[bool] = []
        self._threshold = threshold
        self._most = most

    def run_started(self, program: Any) -> None:
        if self._most is not None and len(self.outcomes) >= self._most:
            raise _Enough

    def run_failed(self, program: Any, error: str) -> None:
        self.outcomes.append(False)

    def metric_failed(self, example: dspy.Example, error: str) -> None:
        self.outcomes.append(False)

    def scored(self, example: dspy.Example, prediction: Any, result: Any) -> None:
        score = score_of(result)
        self.outcomes.append(score >= self._threshold if self._threshold else bool(score))


def _walk(inputs: CompileInputs, bootstrap: BootstrapSet, most: int | None) -> Walk:
    watch = _WalkWatch(inputs, bootstrap.threshold, most)
    params = {"metric_threshold": bootstrap.threshold}
    optimizer = dspy.BootstrapFewShot(
        metric=watch.watch_metric(bootstrap_metric(inputs, params)),
        teacher_settings={"lm": inputs.lms["teacher"]},
        max_bootstrapped_demos=bootstrap.wanted,
        max_labeled_demos=bootstrap.labeled,
        max_rounds=bootstrap.rounds,
        max_errors=len(bootstrap.order) * bootstrap.rounds + 1,
        metric_threshold=bootstrap.threshold,
    )
    complete = True
    with watch.installed():
        try:
            optimizer.compile(inputs.student, trainset=[inputs.trainset[row] for row in bootstrap.order])
        except _Enough:
            complete = False
    return Walk(bootstrap.key, tuple(watch.outcomes), complete)


class _Proposals(SilentObserver):
    """Keeps what was proposed."""

    def __init__(self, drop_first: bool) -> None:
        self.written: list[tuple[str, str]] = []
        self._components: set[str] = set()
        self._drop_first = drop_first

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None:
        is_first = component not in self._components
        self._components.add(component)
        if not (is_first and self._drop_first):
            # COPRO strips what it is given; what then prints the same is the same prompt.
            self.written.append((component, text.strip('"').strip()))


class _Reflections(SilentObserver):
    """Tells iterations apart by whether they made proposals, and what became of them."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.outcomes: list[Reflection] = []
        self._outcome: Reflection = "skipped"

    def trial_started(
        self, trial: int, *, total: int | None = None, fraction: float | None = None, note: str = ""
    ) -> None:
        self._outcome = "skipped"

    def trial_ended(self, trial: int, **outcome: Any) -> None:
        if trial > 0:
            self.outcomes.append(self._outcome)

    def proposal(
        self,
        *,
        component: str,
        text: str,
        accepted: bool | None = None,
        reason: str = "",
        parent: str | None = None,
    ) -> None:
        self.texts.append((component, text))
        self._outcome = "accepted" if accepted else "rejected"


class _Requests(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """How many requests a model gets, and how many of them it has not had before."""

    def __init__(self, lm: dspy.LM) -> None:
        self.asked = 0
        self._lm = lm
        self._seen: set[int] = set()

    @property
    def new(self) -> int:
        return len(self._seen)

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        if instance is self._lm:
            self.asked += 1
            self._seen.add(hash(repr(sorted(inputs.items()))))


class _CallCounter(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """LM calls by the predictor that made them; those of the metric apart."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.calls: Counter[str] = Counter()
        self.judge = 0
        self._names = names
        self._stack: list[str] = []
        self._open: dict[str, str] = {}
        self._judging = False

    @contextlib.contextmanager
    def judging(self) -> Iterator[None]:
        """LM calls in here are the metric's."""
        self._judging = True
        try:
            yield
        finally:
            self._judging = False

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        name = self._names.get(id(instance))
        if name is not None:
            self._stack.append(name)
            self._open[call_id] = name

    def on_module_end(
        self, call_id: str, outputs: Any | None, exception: BaseException | None = None
    ) -> None:
        if call_id in self._open:
            self._stack.remove(self._open.pop(call_id))

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        if self._judging:
            self.judge += 1
        else:
            self.calls[self._stack[-1] if self._stack else _DIRECT] += 1
