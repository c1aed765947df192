import dspy
import pytest

from core.errors import ProgramError
from core.programs.load import load_program
from core.programs.scaffold import FormField, FormStep, ProgramForm, program_inputs, write_program
from core.recipe import ProgramSpec

READ = FormStep(
    "read",
    'Find the "topic".',
    (FormField("message", desc="what they wrote"),),
    (FormField("topic", choices=("it's", "other")), FormField("sure", "float")),
)
REPLY = FormStep(
    "reply",
    "Write back.",
    (FormField("message"), FormField("topic"), FormField("tone", "list[str]")),
    (FormField("answer"),),
    "ChainOfThought",
)
ACT = FormStep("act", "Do it.", (FormField("answer"),), (FormField("done", "bool"),), "ReAct")


@pytest.mark.parametrize("steps", [(READ,), (READ, REPLY), (READ, REPLY, ACT)])
def test_what_is_written_loads(tmp_path, steps):
    form = ProgramForm("Desk", steps, doc='Answers "mail".')
    text = write_program(form)
    (tmp_path / f"desk{len(steps)}.py").write_text(text)
    program = load_program(ProgramSpec(target=f"desk{len(steps)}.py:Desk"), tmp_path)
    assert isinstance(program, dspy.Module)
    assert len(program.predictors()) == len(steps) + (len(steps) == 3)
    assert program.predictors()[0].signature.instructions == "Find the 'topic'."


def test_inputs_are_what_no_step_gives():
    assert [field.name for field in program_inputs(ProgramForm("D", (READ, REPLY, ACT)))] == [
        "message",
        "tone",
    ]


@pytest.mark.parametrize(
    ("form", "what"),
    [
        (ProgramForm("Desk", ()), "needs a step"),
        (ProgramForm("a b", (READ,)), "'a b' cannot be the name of a program"),
        (ProgramForm("D", (READ, READ)), "'read' is there twice"),
        (ProgramForm("D", (FormStep("class", "", READ.inputs, READ.outputs),)), "'class' cannot be"),
        (ProgramForm("D", (FormStep("s", "", (), READ.outputs),)), "needs an input and an output"),
        (ProgramForm("D", (FormStep("s", "", READ.inputs, READ.inputs),)), "'message' is there twice"),
        (ProgramForm("D", (FormStep("s", "", READ.inputs, (FormField("x", "os.system"),)),)), "no type"),
        (ProgramForm("D", (FormStep("s", "", READ.inputs, READ.outputs, "Magic"),)), "no module 'Magic'"),
    ],
)
def test_what_cannot_be_is_told(form, what):
    with pytest.raises(ProgramError, match=what):
        write_program(form)
