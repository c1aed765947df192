"""A form with one input of the program, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from core.errors import CompilotError
from core.programs.describe import FieldDescription

from ...registry import bindings
from ...widgets.foreign import foreign
from ...widgets.problem import Problem
from ...widgets.reading import Entries, Reading
from ...widgets.text_box import TextBox
from .trial import Trial, describe_result, describe_step, label_result, label_step, read_field, write_field


class FieldArea(TextBox):
    """One input of the program. What is not touched keeps its value to the letter."""

    PANE = "field"
    BINDINGS = bindings("program", pane="field")

    class Left(Message):
        """The person is done with the field."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(soft_wrap=True, tab_behavior="focus", compact=True, highlight_cursor_line=False)
        self.field = field
        self._given: Any = None
        self._given_text = ""
        self._is_given = False

    def put(self, value: Any) -> None:
        self.load_text(write_field(value))
        self._given = value
        self._given_text = self.text
        self._is_given = True

    def action_leave(self) -> None:
        self.post_message(self.Left())

    @property
    def touched(self) -> bool:
        return self.text != self._given_text

    @property
    def value(self) -> Any:
        if self._is_given and not self.touched:
            return self._given
        return read_field(self.text, self.field.type, self._given)


class TryPane(Vertical):
    """The form above, each step of the program below it, and the chosen one's whole story."""

    def __init__(self) -> None:
        super().__init__(id="try")
        self.samples: Sequence[Mapping[str, Any]] = ()
        self.place = 0
        self.trial: Trial | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="try-asked"):
            yield Static("", id="try-row", markup=False)
            yield VerticalScroll(id="try-fields", can_focus=False)
            yield Problem(id="try-problem")
            yield Entries(id="try-steps")
        yield Reading(id="try-story")

    async def fill(self, fields: Sequence[FieldDescription], samples: Sequence[Mapping[str, Any]]) -> None:
        """Another form: one area for each field, with the first row in it."""
        form = self.query_one("#try-fields", VerticalScroll)
        await form.remove_children()
        self.samples = samples
        self.place = 0
        for field in fields:
            await form.mount(Static(_label(field), classes="try-label", markup=False), FieldArea(field))
        self.show_row(0)

    @property
    def areas(self) -> list[FieldArea]:
        return list(self.query(FieldArea))

    @property
    def row(self) -> Mapping[str, Any] | None:
        """The row in the form; None when the input was typed."""
        if not self.samples or any(area.touched for area in self.areas):
            return None
        return self.samples[self.place]

    def inputs(self) -> dict[str, Any]:
        return {area.field.name: area.value for area in self.areas}

    def show_row(self, place: int) -> None:
        """Put a row of the samples into the form, around the end."""
        if not self.samples:
            self.say("no rows to take an input from: type one")
            return
        self.place = place % len(self.samples)
        sample = self.samples[self.place]
        for area in self.areas:
            area.put(sample["inputs"].get(area.field.name))
        self.say(f"row {sample['row']} ({self.place + 1} of {len(self.samples)})")

    def say(self, text: str) -> None:
        self.query_one("#try-row", Static).update(foreign(text, "$text-muted"))

    def focus_form(self) -> None:
        areas = self.areas
        if areas:
            areas[0].focus()

    def show_problem(self, error: CompilotError | None) -> None:
        self.query_one(Problem).show(error)

    def show_trial(self, trial: Trial) -> None:
        """The result first, then each predictor's run."""
        self.trial = trial
        self.show_problem(None)
        labels = [label_result(trial)]
        labels += [label_step(trial.report, number) for number in range(len(trial.report.result.steps))]
        self.query_one(Entries).show(labels)
        self._tell(0)

    def clear_trial(self) -> None:
        self.trial = None
        self.query_one(Entries).clear_options()
        self.query_one(Reading).show(Content())

    @on(FieldArea.Left)
    def leave_form(self, message: FieldArea.Left) -> None:
        message.stop()
        self.query_one(Entries).focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._tell(event.option_index)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.query_one(Reading).focus()

    def _tell(self, place: int) -> None:
        if self.trial is not None:
            story = describe_step(self.trial.report, place - 1) if place else describe_result(self.trial)
            self.query_one(Reading).show(story)

    def copied(self) -> str | None:
        story = self.query_one(Reading).text.plain
        return story or None


def _label(field: FieldDescription) -> Content:
    label = foreign(field.name, "bold")
    if field.type:
        label += foreign(f"  {field.type}", "$text-accent")
    if field.desc and field.desc != f"${{{field.name}}}":
        label += foreign(f"  {field.desc}", "$text-muted")
    return label
