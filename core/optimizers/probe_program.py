"""Measures what runs of the program itself show: calls, scores, what each predictor reads; worker only."""

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

from .base import CompileInputs
from .facts import Facts, PredictorFacts, count_tokens
from .prompts import fit_choices
from .watch import score_of

_DIRECT = ""


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
