"""A short form for a new program; its file is shown as it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Select, Static, TextArea

from core.errors import CompilotError, ProgramError
from core.programs.scaffold import FormStep, ModuleKind, ProgramForm, write_program

from ...trusting import keeping_trust
from ...widgets.dialogs import Dialog
from ...widgets.foreign import foreign_lines
from ...widgets.problem import Problem, describe_problem
from ...widgets.text_box import TextBox
from ...widgets.text_field import TextField
from .form import plain_instructions, read_fields

if TYPE_CHECKING:
    from ...session import Session

_KINDS: tuple[ModuleKind, ...] = get_args(ModuleKind)


class StepForm(Vertical):
    """One step: its name, module, instructions, inputs and outputs."""

    def __init__(self, name: str, inputs: str, outputs: str) -> None:
        super().__init__(classes="step")
        self.given = (name, inputs, outputs)

    def compose(self) -> ComposeResult:
        name, inputs, outputs = self.given
        with Horizontal():
            yield Static("step", classes="label")
            yield TextField(name, classes="step-name", compact=True)
            yield Select([(kind, kind) for kind in _KINDS], value=_KINDS[0], allow_blank=False, compact=True)
        with Horizontal():
            yield Static("does", classes="label")
            yield TextField(
                "", placeholder="what the step does, in words", classes="step-words", compact=True
            )
        for words, text, kind in (
            ("inputs    name: type - words", inputs, "step-inputs"),
            ("outputs   name: type - words, choices as a | b | c", outputs, "step-outputs"),
        ):
            yield Static(words, classes="step-label", markup=False)
            yield TextBox(text, classes=kind, compact=True, tab_behavior="focus", highlight_cursor_line=False)

    def read(self) -> FormStep:
        kind = self.query_one(Select).value
        name = self.query_one(".step-name", Input).value.strip()
        inputs = read_fields(self.query_one(".step-inputs", TextArea).text, f"step {name}, inputs")
        outputs = read_fields(self.query_one(".step-outputs", TextArea).text, f"step {name}, outputs")
        words = self.query_one(".step-words", Input).value.strip() or plain_instructions(inputs, outputs)
        return FormStep(name, words, inputs, outputs, kind if kind in _KINDS else _KINDS[0])


class WriteProgram(Dialog[str | None]):
    """Gives the name of the file that was written, or None."""

    DEFAULT_CSS = """
    WriteProgram > Vertical { width: 150; height: 95%; padding: 0 1; }
    WriteProgram .sides { height: 1fr; margin: 0; }
    WriteProgram .form { width: 1fr; height: 1fr; }
    WriteProgram .step { height: auto; margin-top: 1; }
    WriteProgram .step Horizontal { height: 1; margin: 0; align-horizontal: left; }
    WriteProgram .line { height: 1; margin: 0; align-horizontal: left; }
    WriteProgram .label { width: 7; color: $text-muted; }
    WriteProgram .form Input { width: 1fr; }
    WriteProgram Select { width: 22; }
    WriteProgram .step-label { height: 1; color: $text-muted; }
    WriteProgram TextArea { height: auto; max-height: 5; min-height: 1; background: $boost; }
    WriteProgram .preview { width: 1fr; height: 1fr; padding-left: 2; }
    WriteProgram.-narrow .preview { display: none; }
    WriteProgram Input { margin-bottom: 0; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]  # noqa: RUF012 - Textual's own type

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        draft = session.draft
        self.inputs = list(draft.data.inputs) if draft else []
        self.labels = list(draft.data.labels or ()) if draft else []

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "New program"
            with Horizontal(classes="sides"):
                with VerticalScroll(classes="form", can_focus=False):
                    for label, value, name in (
                        ("file", "program.py", "new-file"),
                        ("class", "MyProgram", "new-name"),
                    ):
                        with Horizontal(classes="line"):
                            yield Static(label, classes="label")
                            yield TextField(value, id=name, compact=True)
                    yield StepForm(
                        "answer",
                        "\n".join(f"{name}: str" for name in self.inputs or ["question"]),
                        "\n".join(f"{name}: str" for name in self.labels or ["answer_text"]),
                    )
                with VerticalScroll(classes="preview"):
                    yield Static("", id="new-text", markup=False)
            yield Problem(id="new-problem")
            with Horizontal():
                yield Button("Add a step", id="new-step")
                yield Button("Write it (ctrl+s)", id="new-write", variant="primary")

    def on_mount(self) -> None:
        self.query_one("#new-name", Input).focus()
        self.preview()

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Select.Changed)
    def preview(self) -> None:
        try:
            text = foreign_lines(write_program(self.read()))
        except ProgramError as error:
            text = describe_problem(error)
        self.query_one("#new-text", Static).update(text)

    def read(self) -> ProgramForm:
        """The form as typed. Raises `ProgramError`."""
        steps = tuple(step.read() for step in self.query(StepForm))
        return ProgramForm(self.query_one("#new-name", Input).value.strip(), steps)

    @on(Button.Pressed, "#new-step")
    async def add_step(self) -> None:
        step = StepForm(f"step{len(self.query(StepForm)) + 1}", "", "")
        await self.query_one(".form", VerticalScroll).mount(step)
        step.query_one(".step-name", Input).focus()

    @on(Button.Pressed, "#new-write")
    def write(self) -> None:
        """Write the file and name it in compilot.toml; nothing that is there is written over."""
        try:
            self.dismiss(
                write_file(self.session, self.query_one("#new-file", Input).value.strip(), self.read())
            )
        except CompilotError as error:
            self.query_one(Problem).show(error)

    def key_ctrl_s(self) -> None:
        self.write()


def write_file(session: Session, name: str, form: ProgramForm) -> str:
    """Writes the program's file into the workspace, and its target into compilot.toml.

    Raises `ProgramError` for a file that is there or cannot be written, `ConfigError` for the target.
    """
    path = (session.root / name).resolve()
    if path.suffix != ".py" or not path.is_relative_to(session.root):
        raise ProgramError(
            f"'{name}' is no Python file of this folder.", where="file", fix="name it program.py"
        )
    text = write_program(form)
    try:
        with keeping_trust(session.root), path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = "it is there already" if path.exists() else error.strerror or str(error)
        raise ProgramError(
            f"{name} cannot be written: {reason}.", where=str(path), fix="name another file"
        ) from error
    if session.workspace is not None:
        session.write_config({"program": {"target": f"{path.relative_to(session.root)}:{form.name}"}})
    return name
