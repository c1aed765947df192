"""Plans: how many calls an optimizer will make, by role, as low / expected / high. Pure arithmetic."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from ..recipe import Role
from .facts import Facts
from .prompts import Prompts


class Range(msgspec.Struct, frozen=True):
    """A count that is not known exactly."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, factor: float) -> Range:
        return Range(self.low * factor, self.expected * factor, self.high * factor)

    def widened(self, share: float) -> Range:
        """The same expectation, with this share more room on both sides."""
        return Range(self.low * max(0.0, 1.0 - share), self.expected, self.high * (1.0 + share))


def exactly(count: float) -> Range:
    return Range(count, count, count)


NONE = exactly(0)
PROPOSAL_RETRIES = 2
"""dspy asks again, in another format, when an answer does not parse: at worst for every proposal."""


def add_up(ranges: Iterable[Range]) -> Range:
    """The sum of counts that vary together."""
    total = NONE
    for part in ranges:
        total = total + part
    return total


def add_up_independent(ranges: Iterable[Range]) -> Range:
    """The sum of counts that vary independently: their deviations add up as squares."""
    parts = list(ranges)
    expected = sum(part.expected for part in parts)
    below = math.sqrt(sum((part.expected - part.low) ** 2 for part in parts))
    above = math.sqrt(sum((part.high - part.expected) ** 2 for part in parts))
    return Range(max(0.0, expected - below), expected, expected + above)


class BootstrapSet(msgspec.Struct, frozen=True):
    """One run of `BootstrapFewShot`: rows tried in this order until `wanted` of them came out right."""

    wanted: int
    labeled: int
    """Labeled demonstrations the teacher is given."""
    order: tuple[int, ...]
    """Train rows in the order in which they are tried."""
    rounds: int = 1
    threshold: float | None = None

    @property
    def key(self) -> str:
        """The same for bootstraps whose attempts go the same way, whatever number is wanted."""
        return f"{self.labeled}/{self.rounds}/{self.threshold}/{_hash_order(self.order):08x}"


@lru_cache(maxsize=256)
def _hash_order(order: tuple[int, ...]) -> int:
    return zlib.crc32(",".join(map(str, order)).encode())


class Shown(msgspec.Struct, frozen=True):
    """What one prompt to the proposer or reflection model holds, where nobody measured its tokens."""

    fixed: float = 600.0
    """Tokens of DSPy's own text, of code and of instructions."""
    rows: float = 0.0
    """Rows of data, each about as long as a labeled demonstration."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole run asks of the models: our own evaluations before and after included."""

    calls: dict[Role, Range]
    """LM calls asked, by role; a role that is not called is left out."""
    student_runs: Range
    """Program runs on the student's model."""
    teacher_runs: Range
    """Program runs on the teacher's model."""
    metric_calls: Range
    answer: dict[Role, float]
    """LM calls of one answer of the optimized program, expected."""
    prompts: dict[Role, tuple[Prompts, ...]] = {}
    """What the program runs send, for the student and the teacher; their runs add up to the expected ones."""
    text_tokens: float | None = None
    """Mean length of what the optimizer has written, over the whole run; None where nobody measured it."""
    longer_prompts: float = 0.0
    """Tokens that the proposer's prompts hold more than when it was tried."""
    shown: Shown = Shown()
    """What the proposer or reflection model is shown in each call."""
    assumptions: tuple[str, ...] = ()


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What `compile` alone does, in program runs and proposer calls."""

    student_runs: Range = NONE
    teacher_runs: Range = NONE
    reflection_calls: Range = NONE
    proposer_calls: Range = NONE
    metric_calls: Range | None = None
    """None: as many as program runs."""
    student_runs_per_answer: float = 1.0
    """Program runs that one answer of the optimized program takes."""
    teacher_runs_per_answer: Range = NONE
    prompts: tuple[Prompts, ...] = ()
    """What the student's runs send."""
    teacher_prompts: Prompts = Prompts(runs=0)
    """What the teacher's runs send, those before an answer included."""
    result: Prompts = Prompts(runs=0)
    """What the optimized program sends."""
    scored_on_val: float = 1.0
    """Part of the val rows that the optimized program was run on before `compile` returned it."""
    text_tokens: float | None = None
    """Mean length of what is written; None: as measured."""
    longer_prompts: float = 0.0
    """Tokens that the proposer's prompts hold more than when it was tried."""
    shown: Shown = Shown()
    """What the proposer or reflection model is shown in each call."""
    improves: float = 1.0
    """How likely the optimized program is better than the program as it is, 0 to 1."""
    bootstraps: tuple[BootstrapSet, ...] = ()
    """The bootstraps among the teacher's runs; probing them beforehand makes the plan sharper."""
    assumptions: tuple[str, ...] = ()


def plan_run(work: Work, facts: Facts) -> Plan:
    """The plan of the whole run around the optimizer's own work.

    A run scores the program as it is and the optimized one on the val and test splits each: (val + test) ·
    (1 + runs per answer) more program runs; the second test score is left out when nothing was better than
    the program as it is. LM calls are runs times the program's calls per run; the judge is called each time
    the metric is.
    """
    _, val, test = facts.sizes
    rows = val + test
    per_run = facts.calls_per_run
    own = rows * (1 + work.student_runs_per_answer)
    spared = test * work.student_runs_per_answer
    student_runs = work.student_runs + Range(own - spared, own - spared * (1 - work.improves), own)
    teacher_runs = work.teacher_runs + work.teacher_runs_per_answer * rows
    metric_calls = work.metric_calls or work.student_runs + work.teacher_runs
    metric_calls = (
        metric_calls
        + Range(2 * rows - test, 2 * rows - test * (1 - work.improves), 2 * rows)
        + work.teacher_runs_per_answer * rows
    )
    calls: dict[Role, Range] = {
        "student": (student_runs * per_run).widened(facts.calls_spread),
        "teacher": (teacher_runs * per_run).widened(facts.calls_spread),
        "reflection": work.reflection_calls,
        "proposer": work.proposer_calls,
        "judge": metric_calls * facts.judge_calls,
    }
    answer: dict[Role, float] = {
        "student": work.student_runs_per_answer * per_run,
        "teacher": work.teacher_runs_per_answer.expected * per_run,
    }
    own_prompts = (
        Prompts(runs=rows),
        msgspec.structs.replace(
            work.result, runs=val * work.student_runs_per_answer, new=1.0 - work.scored_on_val, rows=val
        ),
        msgspec.structs.replace(work.result, runs=spared * work.improves, new=1.0, rows=test),
    )
    prompts: dict[Role, tuple[Prompts, ...]] = {
        "student": tuple(part for part in (*own_prompts, *work.prompts) if part.runs > 0),
        "teacher": (msgspec.structs.replace(work.teacher_prompts, runs=teacher_runs.expected),),
    }
    return Plan(
        calls={role: count for role, count in calls.items() if count.high > 0},
        student_runs=student_runs,
        teacher_runs=teacher_runs,
        metric_calls=metric_calls,
        answer={role: count for role, count in answer.items() if count > 0},
        prompts=prompts,
        longer_prompts=work.longer_prompts,
        shown=work.shown,
        text_tokens=work.text_tokens or (facts.texts.tokens if facts.texts else None),
        assumptions=work.assumptions,
    )
