"""What can be learnt from one prompt's demonstrations and instruction, learnt once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from .extract import SpanModel, learn_spans, written_as
from .learner import LabelModel
from .prompt import Demo, Task, read_demo, read_task
from .rules import RuleBook, read_rules
from .schema import Schema

Path = tuple[str, ...]
"""Where a value is in the output: a field, then members; `[]` is the first item of a list."""
Seen = tuple[Mapping[str, str], Any]
"""Input texts of a demonstration, and the value at some path of its output."""

REASONING = frozenset({"reasoning", "rationale"})
_ABSENT = object()
_Model = TypeVar("_Model")


class Reader:
    """A system message with its demonstrations, and the models learnt from them, one per output value."""

    def __init__(self, task: Task, demos: Sequence[Demo]) -> None:
        self.task = task
        self._demos = [demo for demo in demos if demo.inputs]
        self._models: dict[tuple[str, ...], object] = {}
        self._names = tuple(
            dict.fromkeys(name for field in task.outputs for name in _names(field.name, field.schema))
        )

    def seen(self, path: Path) -> list[Seen]:
        """Inputs and the value at a path, for each demonstration that supplies it."""
        return [(demo.inputs, value) for demo in self._demos for value in _values_at(demo.outputs, path)]

    def rules(self, path: Path, labels: tuple[str, ...] | None) -> RuleBook:
        """Rules about a value, in instruction and field description. `labels`: as for `read_rules`."""
        description = next(field.description for field in self.task.outputs if field.name == path[0])
        text = f"{self.task.instruction}\n{description}" if description else self.task.instruction
        return read_rules(text, labels, self._names, self.task.input_names).about(path[0], path[-1])

    def keep(self, kind: str, path: Path, build: Callable[[], _Model]) -> _Model:
        """The model of this kind for a value, built the first time. Threads may both build it: to equals."""
        key = (kind, *path)
        if key not in self._models:
            self._models[key] = build()
        return cast(_Model, self._models[key])

    def label_model(self, path: Path, labels: tuple[str, ...]) -> LabelModel:
        def build() -> LabelModel:
            index = {label.lower(): at for at, label in enumerate(labels)}
            seen = [(inputs, str(value).lower()) for inputs, value in self.seen(path)]
            pairs = [(inputs, index[value]) for inputs, value in seen if value in index]
            return LabelModel(labels, pairs, self.rules(path, labels))

        return self.keep("\x1f".join(("label", *labels)), path, build)

    def member_model(self, path: Path, labels: tuple[str, ...]) -> LabelModel:
        """A model of a list's members. Where demonstrations show empty lists, that is one label more."""

        def build() -> LabelModel:
            index = {label.lower(): at for at, label in enumerate(labels)}
            lists = [(inputs, value) for inputs, value in self.seen(path) if isinstance(value, list)]
            members = [(inputs, str(item).lower()) for inputs, value in lists for item in value]
            pairs = [(inputs, index[item]) for inputs, item in members if item in index]
            empty = [(inputs, len(labels)) for inputs, value in lists if not value]
            return LabelModel((*labels, "") if empty else labels, pairs + empty, self.rules(path, labels))

        return self.keep("\x1f".join(("members", *labels)), path, build)

    def presence_model(self, path: Path) -> LabelModel:
        """Whether an optional value is given."""

        def build() -> LabelModel:
            pairs = [(inputs, int(value is not None)) for inputs, value in self.seen(path)]
            return LabelModel(("absent", "present"), pairs, RuleBook())

        return self.keep("presence", path, build)

    def span_model(self, path: Path, description: str) -> SpanModel:
        """Which pieces of the inputs are copied into a value."""

        def build() -> SpanModel:
            pairs = [
                (inputs, written_as(item, inputs))
                for inputs, value in self.seen(path)
                for item in (value if isinstance(value, list) else [value])
                if isinstance(item, (str, int, float))
            ]
            return learn_spans(pairs, [description, *self._lines_about(path)])

        return self.keep("span", path, build)

    def _lines_about(self, path: Path) -> list[str]:
        """Lines of the instruction that speak of a value: all of them when it is the only one."""
        lines = self.task.instruction.splitlines()
        if len(path) == 1 and sum(name not in REASONING for name in self.task.output_names) == 1:
            return lines
        spoken = (path[-1].lower(), path[-1].lower().replace("_", " "))
        return [line for line in lines if any(name in line.lower() for name in spoken)]


def _names(name: str, schema: Schema) -> Iterator[str]:
    """A field's name and those of the members that its schema declares, at any depth."""
    yield name
    definitions = schema.get("$defs", {})
    for part in (schema, *definitions.values()):
        for parent in (part, part.get("items", {})):
            yield from parent.get("properties", {})


def _values_at(outputs: Mapping[str, Any], path: Path) -> Iterator[Any]:
    value: Any = outputs
    for step in path:
        if step == "[]":
            value = value[0] if isinstance(value, list) and value else _ABSENT
        elif isinstance(value, Mapping):
            value = value.get(step, _ABSENT)
        else:
            value = _ABSENT
        if value is _ABSENT:
            return
    yield value


@lru_cache(maxsize=256)
def reader_of(system: str, demo_texts: tuple[tuple[str, str], ...]) -> Reader | None:
    """The reader of a prompt's fixed part; None when no adapter wrote the system message."""
    task = read_task(system)
    if task is None:
        return None
    return Reader(task, [read_demo(system, user, assistant) for user, assistant in demo_texts])
