"""What advice rests on: measured facts of a workspace as plain data. None means that nobody measured it."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..cost.buys import CAPS, Cap
from ..data.profile.findings import Finding as DataFinding
from ..findings import Finding
from ..recipe import Budget

FEWEST_EXAMPLES = 20
"""Under this many, few-shot prompting by hand is the better approach (guide, poor candidates)."""
SMALL_DATA = 50
"""Under this many, data are small (guide, optimizer selection)."""
LARGE_DATA = 200
"""Up to this many, data are of medium size (guide, optimizer selection)."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the workspace that could not be looked at."""

    part: Literal["data", "program", "metric", "models"]
    what: str
    where: str = ""
    fix: str = ""


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The rows as they are split, and what the profile found."""

    train: int
    val: int
    test: int
    labels: tuple[str, ...] = ()
    class_labels: dict[str, int] = {}
    """Labels that take one of a few values, with how many."""
    text_labels: tuple[str, ...] = ()
    """Labels that are long free text."""
    log_columns: tuple[str, ...] = ()
    """Columns that came from use: feedback, ratings, corrections, ids of calls."""
    findings: tuple[DataFinding, ...] = ()

    @property
    def examples(self) -> int:
        """Rows an optimizer may learn from and choose by; the test part is set aside."""
        return self.train + self.val


class ProgramFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the predictors are and answer with."""

    predictors: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    """Kind of each predictor's module: Predict, ChainOfThought, ReAct …"""
    closed: tuple[str, ...] = ()
    """Outputs that take one of a few values."""
    structured: tuple[str, ...] = ()
    """Outputs with typed fields inside."""
    enums: int = 0
    """Fields of structured outputs that take one of a few values."""
    open: tuple[str, ...] = ()
    """Outputs that are free text."""
    unlabeled: tuple[str, ...] = ()
    """Outputs that no label of the data holds, such as a chain of thought."""

    @property
    def is_pipeline(self) -> bool:
        return len(self.predictors) > 1


class MetricFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the metric doctor saw."""

    target: str = ""
    findings: tuple[Finding, ...] = ()
    rows: int = 0
    gold: float | None = None
    """Mean score of the labels themselves, 0 to 1."""
    other: float | None = None
    """Mean score of another row's labels."""
    program: float | None = None
    """Mean score of the program's own answers."""
    distinct: int | None = None
    """Different scores that the program's own answers got."""
    feedback: bool | None = None
    """Whether it says in words what was wrong."""
    explains: bool | None = None
    """Whether these words say more than which value was expected and which came."""
    objectives: int = 0
    """Named sub-scores."""
    takes_name: bool | None = None
    """Whether it takes `pred_name`."""
    routes: bool | None = None
    """Whether its feedback differs from predictor to predictor."""


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What running the program on a few rows told."""

    rows: int = 0
    right: float | None = None
    """Part of the rows that the unoptimized program gets right, 0 to 1."""
    perfect: float | None = None
    """Part of them with a score of 1."""
    errors: float = 0.0
    """Part of the runs that ended with an error."""
    teacher_right: float | None = None
    """Part of a teacher's attempts that came out right, while bootstraps were tried."""
    demo_tokens: float | None = None
    """Input tokens that one demonstration adds to a call."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of one optimizer is expected to take, and at most."""

    calls: float
    calls_high: float
    tokens: float
    tokens_high: float
    usd: float | None
    usd_high: float | None
    minutes: float
    minutes_high: float
    buys: str = ""
    """What the caps buy of this optimizer, in words."""
    fit: str = ""
    """A setting that stays within the caps, as `--set` takes it; empty where there is none."""

    def over(self, budget: Budget, *, high: bool = False) -> tuple[Cap, ...]:
        """The caps that the expected (or the high) estimate is beyond; an unknown price is beyond none."""
        amounts: dict[Cap, float | None] = {
            "usd": self.usd_high if high else self.usd,
            "calls": self.calls_high if high else self.calls,
            "tokens": self.tokens_high if high else self.tokens,
            "minutes": self.minutes_high if high else self.minutes,
        }
        caps: dict[Cap, float | None] = {name: getattr(budget, name) for name in CAPS}
        return tuple(
            name
            for name in CAPS
            if (cap := caps[name]) is not None and (amount := amounts[name]) is not None and amount > cap
        )


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was changed between two runs, or since the last one."""

    days: float
    """How long ago the later of the two runs was; 0 for what changed since the last one."""
    what: tuple[str, ...]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What past runs of the workspace recorded."""

    runs: int = 0
    edits: tuple[Edited, ...] = ()
    """Newest first."""
    baselines: tuple[float, ...] = ()
    """Val scores of the unoptimized program in runs with the same program, data, metric and student."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the person wants, beyond what can be measured."""

    smaller_model: bool = False
    """A smaller model is to do the work in the end."""
    consistent: bool = False
    """Steady answers matter more than what they cost."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that readiness and ranking look at."""

    data: DataFacts | None = None
    program: ProgramFacts | None = None
    metric: MetricFacts | None = None
    runs: RunFacts | None = None
    history: History | None = None
    repeats: tuple[float, ...] = ()
    """Scores of the same program on the same rows, run again and again on request."""
    budget: Budget = Budget()
    costs: dict[str, Cost] = {}
    """By optimizer, with its defaults (the chosen one with its own parameters)."""
    refused: dict[str, str] = {}
    """Optimizer → why it cannot be run on this."""
    custom_proposer: bool = False
    """The recipe names a proposer of instructions of the person's own."""
    merges: bool = True
    """GEPA may merge candidates."""
    embedded_proposer: bool = False
    """The proposer is an embedded model, which knows its prompt only."""
    wishes: Wishes = Wishes()
    problems: tuple[Problem, ...] = ()

    @property
    def examples(self) -> int | None:
        return self.data.examples if self.data is not None else None

    @property
    def predictors(self) -> int | None:
        return len(self.program.predictors) if self.program is not None else None

    @property
    def gives_feedback(self) -> bool:
        return self.metric is not None and self.metric.feedback is True

    @property
    def is_pipeline(self) -> bool:
        return self.program is not None and self.program.is_pipeline
