"""The recipe: everything that defines a compile run, validated and hashable."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

Role = Literal["student", "reflection", "proposer", "teacher", "judge"]
ROLES: tuple[Role, ...] = get_args(Role)
SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One section of a recipe; unknown keys are errors, defaults are left out when it is written."""


class ProgramSpec(_Part, frozen=True):
    target: str
    """`file.py:attr`, `package.module:attr` (class, factory or instance), or an inline signature."""
    module: Literal["Predict", "ChainOfThought", "ReAct"] = "Predict"
    """The module kind around an inline signature."""
    instructions: str | None = None
    """Instructions of an inline signature."""
    tools: tuple[str, ...] = ()
    """Tools of an inline `ReAct`, each `file.py:function` or `package.module:function`."""


class SplitSpec(_Part, frozen=True):
    """Parts of the data; a number up to 1 is a fraction, a larger one a count of rows."""

    train: float = 0.6
    val: float = 0.2
    test: float = 0.2
    seed: int = 0


class DataSpec(_Part, frozen=True):
    path: str | None = None
    """One file (or glob) that is split by `split`; or give `train`, `val` and `test` files."""
    train: str | None = None
    val: str | None = None
    test: str | None = None
    format: str | None = None
    """Only where the file name does not tell: csv, tsv, json, jsonl, parquet, arrow, xlsx, python."""
    encoding: str | None = None
    inputs: tuple[str, ...] = ()
    """Input fields; all other used columns are labels."""
    labels: tuple[str, ...] | None = None
    """Label fields, if not all the rest."""
    ignore: tuple[str, ...] = ()
    map: dict[str, str] = {}
    """Program field → column or nested path of the data, e.g. `question = "query"`."""
    json_columns: tuple[str, ...] = ()
    """Columns that hold JSON in a string and are parsed."""
    id: str | None = None
    group: str | None = None
    """Rows with the same value here never straddle two parts."""
    weight: str | None = None
    stratify: str | tuple[str, ...] | None = None
    split: SplitSpec = SplitSpec()
    limit: int | None = None


class MetricSpec(_Part, frozen=True):
    target: str
    """`file.py:attr`, `package.module:attr` or `builtin:name`."""
    threshold: float | None = None
    """From this score on an example counts as right when demonstrations are bootstrapped (default 1.0)."""
    weights: dict[str, float] = {}
    """Weights of named sub-scores; equal where not given."""
    params: dict[str, Any] = {}
    """Arguments of a built-in metric."""


class Price(_Part, frozen=True):
    """US dollars per million tokens."""

    input: float
    output: float
    cached_input: float | None = None


THINKING_OFF = ("disabled", "off", "none")
THINKING_EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
THINKING_OPEN = ("auto", "adaptive", "default")
"""Left to the model."""
THINKING = (*THINKING_OFF, *THINKING_EFFORTS, *THINKING_OPEN)
"""The words that `thinking` may be; a number is a token budget, 0 the same as `disabled`."""


class ModelProfile(_Part, frozen=True):
    model: str
    """As dspy names it: `provider/model`, or `embedded/student` and so on."""
    temperature: float | None = None
    max_tokens: int | None = None
    thinking: str | int | None = None
    """One of `THINKING` or a token budget; told the provider's way."""
    api_base: str | None = None
    key_env: str | None = None
    """Name of the environment variable that holds the key, when it is not the provider's usual one."""
    price: Price | None = None
    """Overrides the bundled price."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    retries: int = 4
    timeout: float | None = None
    """Seconds for one request."""
    dials: dict[str, float] = {}
    """Embedded models only: latency, rate limits, malformed answers, outages."""
    options: dict[str, Any] = {}
    """Anything else that `dspy.LM` takes."""


class OptimizerSpec(_Part, frozen=True):
    name: str
    params: dict[str, Any] = {}


class Budget(_Part, frozen=True):
    """Caps over all roles together; what is not given is not capped."""

    usd: float | None = None
    calls: int | None = None
    tokens: int | None = None
    minutes: float | None = None


class RunSpec(_Part, frozen=True):
    num_threads: int = 8
    seed: int = 0
    max_errors: int = 10
    """More errored examples than this in one evaluation end the run."""


class Recipe(_Part, frozen=True):
    """Everything that defines a compile run."""

    program: ProgramSpec
    data: DataSpec
    metric: MetricSpec
    models: dict[Role, ModelProfile]
    """At least the student's; a role without a profile shares the nearest one's."""
    optimizer: OptimizerSpec | None = None
    """None until one is chosen, in the file or when the run is started."""
    budget: Budget = Budget()
    run: RunSpec = RunSpec()
    workspace: str = ""
    """The folder that targets and files are relative to; not part of the hash."""

    @property
    def hash(self) -> str:
        """A stable hash over every field but `workspace` (defaults included), 16 hex digits."""
        fields = _plain(self)
        del fields["workspace"]
        data = msgspec.json.encode(fields, order="deterministic")
        return hashlib.sha256(data).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def _plain(part: Any) -> Any:
    if isinstance(part, msgspec.Struct):
        return {name: _plain(getattr(part, name)) for name in part.__struct_fields__}
    if isinstance(part, Mapping):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value) for value in part]
    return part
