"""The ghost itself: knows the labels, answers for every role, counts the calls and keeps the limits."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple
from weakref import WeakKeyDictionary

import dspy

from ...errors import StopRun
from ...models.embedded.prompt import Prompt
from ...models.embedded.tools import Tool, read_tools
from ...recipe import Role
from .forms import VARIANTS, Form, TextForm, fill, form_of
from .luck import draw_below, draw_unit, ease, number_of, number_of_text
from .rows import KnownRow, KnownRows, Labels
from .texts import number_of_instructions, rows_of, skill_of, write_text

_REACT = frozenset({"next_tool_name", "next_tool_args"})
_STEP = re.compile(r"tool_name_(\d+)")
_NO_ROW = -1
_YES = frozenset({"yes", "true", "correct", "right", "good", "pass", "passed", "valid", "match"})
_NO = frozenset({"no", "false", "incorrect", "wrong", "bad", "fail", "failed", "invalid", "mismatch"})


@dataclass(slots=True)
class _Run:
    """One run of a program on a row of the data."""

    row: KnownRow
    right: bool = True
    """Whether everything that has a label was answered right so far."""
    direct: int = 0
    """Calls of the LM itself so far."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What tells apart answers to one prompt."""

    rollout_id: Any = None
    temperature: float | None = None
    index: int = 0

    def number(self) -> int:
        """0 for the plain answer. Without a temperature a rollout id changes nothing, as with a provider."""
        if self.index == 0 and (self.rollout_id is None or self.temperature == 0):
            return 0
        return number_of_text(f"{self.rollout_id}/{self.temperature}/{self.index}")


class Prompted(NamedTuple):
    """What a call shows the model besides its inputs."""

    number: int
    """Of the instructions and demonstrations."""
    has_demos: bool
    skill: int
    """Steps of improvement that the instructions have behind them."""
    about: frozenset[int] = frozenset()
    """Rows that the instructions were written about."""


@dataclass
class Tuning:
    """How the ghost answers; the calibration sets it."""

    chance: float = 1.0
    """That a call which has a label is answered right."""
    chance_with_demos: float | None = None
    """The same where the prompt holds demonstrations; None: the same."""
    lift: float = 0.2
    """Part of the wrong answers that an instruction of a ghost mends, beside the one it was made of."""
    grasp: float = 0.5
    """Part of the reflections that mend the rows they are about; the others mend nothing."""
    judge_scale: float = 1.0
    """The best score that a judge gives where its form sets no bound."""
    judge_upside_down: bool = False
    """Whether the metric asks its judge for what is wrong."""


@dataclass
class Limits:
    """Where a dry run ends by itself."""

    calls: int | None = None
    deadline: float | None = None
    """By `time.monotonic`."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    form: Form


_RUN: ContextVar[_Run | None] = ContextVar("compilot_ghost_run", default=None)
_LAST: ContextVar[_Run | None] = ContextVar("compilot_ghost_last_run", default=None)


class Ghost:
    """Answers for every LM. Thread-safe.

    `steps` is how many LM calls one ReAct loop takes, its last step included; `reflected_rows` how many rows
    a reflection is about, which ran just before it. Raises `StopRun` at a limit, and from then on for every
    call.
    """

    def __init__(
        self,
        program: dspy.Module,
        examples: Sequence[dspy.Example],
        *,
        steps: float = 2.0,
        reflected_rows: int = 3,
    ) -> None:
        self.tuning = Tuning()
        self.limits = Limits()
        self.rows = KnownRows(examples)
        self.labels = Labels(program, list(dict.fromkeys(k for one in examples for k in one.labels().keys())))  # noqa: SIM118
        self.steps = steps
        self.runs = 0
        self.stopped: StopRun | None = None
        self._counts: dict[Role, int] = {}
        self._lock = threading.Lock()
        self._fields: WeakKeyDictionary[Any, tuple[_Field, ...]] = WeakKeyDictionary()
        self._tools: dict[str, list[Tool]] = {}
        self._ran: deque[int] = deque(maxlen=reflected_rows)

    # What a dry run reads

    def counts(self) -> dict[Role, int]:
        """Calls that a provider would have been asked for, by role."""
        with self._lock:
            return dict(self._counts)

    def forget_counts(self) -> None:
        with self._lock:
            self._counts.clear()
            self.runs = 0

    def check(self) -> None:
        """Raise `StopRun` where a limit was reached."""
        if self.stopped is not None:
            raise self.stopped

    def stop(self, reason: StopRun) -> None:
        """Refuse every further call; the first reason stays."""
        self.stopped = self.stopped or reason

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """The counts in the shape of a run's ledger."""
        return {role: {"asked": count, "errors": 0} for role, count in self.counts().items()}

    def close(self) -> None:
        """A ghost holds nothing."""

    @property
    def gate(self) -> Ghost:
        """A run asks its gate whether it may go on; a ghost is its own."""
        return self

    # What the adapter and the engine ask

    def count(self, role: Role, calls: int = 1) -> None:
        """Note calls, before they are answered."""
        with self._lock:
            self._counts[role] = self._counts.get(role, 0) + calls
            total = sum(self._counts.values())
        if self.limits.calls is not None and total > self.limits.calls:
            self.stop(StopRun("budget", "calls"))
        elif self.limits.deadline is not None and time.monotonic() > self.limits.deadline:
            self.stop(StopRun("budget", "seconds"))
        self.check()

    def answer(
        self, role: Role, signature: Any, demos: Sequence[Any], inputs: Mapping[str, Any], sample: Sample
    ) -> dict[str, Any]:
        """A value for each output field of the signature."""
        fields = self._fields_of(signature)
        instructions = signature.__doc__ or ""
        prompt = Prompted(
            hash((number_of_instructions(instructions), *[_number_of_demo(demo) for demo in demos])),
            bool(demos),
            skill_of(instructions),
            rows_of(instructions),
        )
        asked = hash((sample.number(), *[number_of(value) for value in inputs.values()]))
        if signature.output_fields.keys() >= _REACT:
            return self._next_step(fields, signature.instructions, inputs, hash((prompt.number, asked)))
        return self._fill_fields(role, fields, prompt, asked, inputs)

    def answer_text_prompt(self, role: Role, prompt: Prompt, sample: Sample) -> dict[str, Any]:
        """JSON values for the output fields of a prompt that one of dspy's own adapters wrote."""
        task = prompt.task
        fields = [_Field(one.name, TextForm(one.schema)) for one in task.outputs]
        shown = Prompted(
            hash(
                (
                    number_of_instructions(task.instruction),
                    *[number_of_text(text) for _, text in prompt.demo_texts],
                )
            ),
            bool(prompt.demo_texts),
            skill_of(task.instruction),
            rows_of(task.instruction),
        )
        asked = hash((sample.number(), *[number_of_text(text) for text in prompt.inputs.values()]))
        if set(task.output_names) >= _REACT:
            return self._next_step(fields, task.instruction, prompt.inputs, hash((shown.number, asked)))
        return self._fill_fields(role, fields, shown, asked, prompt.inputs)

    def _fill_fields(
        self, role: Role, fields: Sequence[_Field], prompt: Prompted, asked: int, inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Values by field; `asked` stands for the inputs and the sample."""
        if role == "judge":
            return {one.name: self._judge(one.form, hash((prompt.number, asked))) for one in fields}
        run = self._current(inputs) if role in ("student", "teacher") else None
        if run is None:
            seed = hash((prompt.number, asked))
            return {one.name: self._write(role, one.form, seed, inputs) for one in fields}
        predictor = number_of_text(" ".join([one.name for one in fields]))
        known = {}
        for one in fields:
            found, label = self.labels.label_for(one.name, one.form, run.row)
            if found:
                known[one.name] = label
        right = self._draw(run, predictor, prompt, asked) if known else True
        # A wrong answer of several fields is seldom wrong in all of them.
        seed = hash((run.row.number, predictor, prompt.number, asked))
        wrong = set() if right else {n for at, n in enumerate(known) if draw_unit(seed, at) < 0.5}
        if not right and not wrong:
            wrong = {list(known)[draw_below(len(known), seed)]}
        variant = draw_below(VARIANTS, seed, 1)
        return {
            one.name: self._about(one.form, known[one.name], variant, one.name in wrong)
            if one.name in known
            else one.form.make(variant)
            for one in fields
        }

    def write_directly(self, role: Role, text: str, sample: Sample) -> str:
        """An answer to a prompt that no adapter wrote."""
        asked = hash((number_of_text(text), sample.number()))
        if role in ("reflection", "proposer"):
            return f"```\n{self._improve(role, asked, skill_of(text))}\n```"
        if role == "judge":
            return "yes" if self._in_favour(asked) else "no"
        run = _RUN.get()
        names = [] if run is None else [name for name in self.labels.unclaimed if name in run.row.labels]
        if run is None or not names:
            return write_text(asked)
        name = names[run.direct % len(names)]
        run.direct += 1
        right = self._draw(run, number_of_text(name), Prompted(0, False, skill_of(text)), asked)
        return form_of(str).make_right(run.row.labels[name]) if right else f"not so: {asked % VARIANTS}"

    def _draw(self, run: _Run, predictor: int, prompt: Prompted, asked: int) -> bool:
        """Whether this call is answered right; the same call always is or never is."""
        if run.row.number in prompt.about:
            return True
        tuning = self.tuning
        chance = tuning.chance
        if prompt.has_demos and tuning.chance_with_demos is not None:
            chance = tuning.chance_with_demos
        if prompt.skill:
            chance = 1.0 - (1.0 - chance) * (1.0 - tuning.lift) ** prompt.skill
        right = ease(run.row.number, predictor, prompt.number, asked) > 1.0 - chance
        run.right = run.right and right
        return right

    def _current(self, inputs: Mapping[str, Any]) -> _Run | None:
        """The run that a call belongs to; its own inputs tell where an optimizer built the program anew."""
        run = _RUN.get()
        if run is None and (row := self.rows.find(inputs)) is not None:
            run = _Run(row)
        return run

    def _about(self, form: Form, label: Any, variant: int, wrong: bool) -> Any:
        return form.make_wrong(label, variant) if wrong else form.make_right(label)

    def _improve(self, role: Role, seed: int, skill: int) -> str:
        """A text that is to be better than one of this skill.

        A reflection is shown what went wrong in the rows that ran last: if it mends anything, then that,
        however few mistakes are left in them and however little it helps with other rows.
        """
        if role != "reflection":
            return write_text(seed, skill + 1)
        with self._lock:
            rows = tuple(self._ran)
        grasped = draw_unit(6, *rows) < self.tuning.grasp
        return write_text(seed, skill + 1, rows) if grasped else write_text(seed, skill)

    def _write(self, role: Role, form: Form, seed: int, inputs: Mapping[str, Any]) -> Any:
        """For a prompt about something else than a row: what proposers write must be new each time."""
        skill = max((skill_of(value) for value in inputs.values() if isinstance(value, str)), default=0)
        if form.plain_text:
            return self._improve(role, seed, skill)
        if form.annotation == dict[str, str]:
            # Advice by name, for whatever names were given.
            names = next((value for value in inputs.values() if _is_names(value)), ["advice"])
            return {name: self._improve(role, hash((seed, at)), skill) for at, name in enumerate(names)}
        return form.make(draw_below(VARIANTS, seed, 2))

    def _judge(self, form: Form, seed: int) -> Any:
        favour = self._in_favour(seed)
        schema = form.schema
        if schema.get("type") == "boolean":
            return favour
        if schema.get("type") in ("integer", "number"):
            low = schema.get("minimum", 0)
            high = schema.get("maximum", self.tuning.judge_scale)
            number = high if favour else low
            return int(number) if schema["type"] == "integer" else float(number)
        options = [option for option in schema.get("enum", ()) if isinstance(option, str)]
        wanted = next((one for one in options if one.lower() in (_YES if favour else _NO)), None)
        if wanted is not None:
            return form.make_right(wanted)
        if form.plain_text:
            return write_text(seed)
        return form.make(0 if favour else 1)

    def _in_favour(self, seed: int) -> bool:
        """Whether a judge approves: of a right answer, and by chance where nobody knows which it judges."""
        run = _LAST.get()
        favour = run.right if run is not None else draw_unit(seed) < self.tuning.chance
        return favour != self.tuning.judge_upside_down

    def _next_step(
        self, fields: Sequence[_Field], instructions: str, inputs: Mapping[str, Any], seed: int
    ) -> dict[str, Any]:
        """A step of ReAct: some tool, and the last one after as many steps as were measured."""
        done = len(set(_STEP.findall(str(inputs.get("trajectory", "")))))
        run = _RUN.get()
        row = run.row.number if run is not None else _NO_ROW
        wanted = int(self.steps) + (draw_unit(row, 5) < self.steps % 1)
        tools = self._tools.get(instructions)
        if tools is None:
            tools = self._tools[instructions] = read_tools(instructions)
        others = [tool for tool in tools if tool.name != "finish"]
        if done + 1 >= wanted or not others:
            name, arguments = "finish", {}
        else:
            tool = others[draw_below(len(others), seed)]
            name, arguments = tool.name, _arguments(tool, inputs, seed)
        made = {"next_tool_name": name, "next_tool_args": arguments}
        return {
            one.name: made[one.name] if one.name in made else one.form.make(draw_below(VARIANTS, seed))
            for one in fields
        }

    def _fields_of(self, signature: Any) -> tuple[_Field, ...]:
        fields = self._fields.get(signature)
        if fields is None:
            fields = tuple(_Field(n, form_of(_annotation(i))) for n, i in signature.output_fields.items())
            self._fields[signature] = fields
        return fields

    # What the program tells

    def begin_run(self, given: Mapping[str, Any]) -> _Run | None:
        """A program starts on these inputs, in this thread; gives what `end_run` wants."""
        before = _RUN.get()
        row = self.rows.find(given)
        if row is None:
            return before
        with self._lock:
            self.runs += 1
            self._ran.append(row.number)
        if before is None or before.row is not row:
            _RUN.set(_Run(row))
        return before

    def end_run(self, before: _Run | None) -> None:
        run = _RUN.get()
        if run is not before:
            _LAST.set(run)
            _RUN.set(before)


def _annotation(info: Any) -> Any:
    """A field's type with the bounds that were declared beside it."""
    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation


def _number_of_demo(demo: Any) -> int:
    return hash(tuple([number_of(value) for value in demo.values()]))


def _is_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(one, str) for one in value)


def _arguments(tool: Tool, inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Values that fit the tool's arguments; text arguments get what was asked."""
    text = next((str(value) for name, value in inputs.items() if name != "trajectory"), "")
    return {
        name: text
        if schema.get("type", "string") == "string" and "enum" not in schema
        else fill(schema, random.Random(seed), schema.get("$defs", {}))
        for name, schema in tool.arguments.items()
        if "default" not in schema
    }
