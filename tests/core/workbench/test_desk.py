"""The bench through the warm child: programs described and tried, metrics run on rows, edits picked up."""

import shutil
import sys
import time
from pathlib import Path

import msgspec
import pytest

from core.errors import MetricError, ProgramError
from core.recipe import DataSpec, MetricSpec, ProgramSpec
from core.sandbox.limits import JobKilled
from core.workbench.desk import Desk
from core.workspace import Workspace

SAMPLES = Path(__file__).parents[3] / "sample_data"
PROGRAMS = '''
import dspy
import pydantic
from typing import Literal


def look_up(query: str, top: int = 3) -> str:
    """Find pages on a subject."""
    return f"page on {query}"


class Agent(dspy.Module):
    def __init__(self):
        self.agent = dspy.ReAct("message -> team: str", tools=[look_up], max_iters=2)

    def forward(self, message):
        return self.agent(message=message)


class Inner(dspy.Module):
    def __init__(self):
        self.guess = dspy.ChainOfThought("message -> team: str")

    def forward(self, message):
        return self.guess(message=message)


class Nested(dspy.Module):
    """Asks three times, and once more."""

    def __init__(self):
        self.steps = [Inner(), Inner()]
        self.named = {"last": dspy.Predict("message -> team: str")}
        self.first = Inner()

    def forward(self, message):
        for step in self.steps:
            step(message=message)
        self.first(message=message)
        return self.named["last"](message=message)


class Address(pydantic.BaseModel):
    """Where."""

    city: str = pydantic.Field(description="the town")
    kind: Literal["home", "work"]


class Scan(dspy.Signature):
    """Read the page."""

    message: str = dspy.InputField()
    page: dspy.Image | None = dspy.InputField()
    team: Literal["identity", "devices"] = dspy.OutputField()
    places: list[Address] = dspy.OutputField(desc="all places")


class Typed(dspy.Module):
    def __init__(self):
        self.scan = dspy.Predict(Scan)

    def forward(self, message, page=None):
        return self.scan(message=message, page=page)


class Needy(dspy.Module):
    def __init__(self):
        self.guess = dspy.Predict("message, manual -> team")

    def forward(self, message, manual):
        return self.guess(message=message, manual=manual)


class Hangs(dspy.Module):
    def __init__(self):
        self.guess = dspy.Predict("message -> team")

    def forward(self, message):
        while True:
            pass


class Raises(Inner):
    def forward(self, message):
        print("about to divide")
        return 1 / 0
'''


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk") / "router"
    shutil.copytree(SAMPLES / "router", folder, ignore=shutil.ignore_patterns(".compilot", "__pycache__"))
    (folder / "programs.py").write_text(PROGRAMS)
    workspace = Workspace.open(folder)
    with Desk(workspace.root, workspace.recipe()) as made:
        yield made


def with_program(desk, name):
    recipe = msgspec.structs.replace(desk.recipe, program=ProgramSpec(target=f"programs.py:{name}"))
    return Desk(desk.root, recipe, sandbox=desk.sandbox)


def with_metric(desk, target, **spec):
    recipe = msgspec.structs.replace(desk.recipe, metric=MetricSpec(target=target, **spec))
    return Desk(desk.root, recipe, sandbox=desk.sandbox)


def test_an_agent_with_tools(desk):
    report = with_program(desk, "Agent").describe_program(measure=True)
    assert [p.name for p in report.program.predictors] == ["agent.react", "agent.extract.predict"]
    assert [p.module for p in report.program.predictors] == ["ReAct", "ChainOfThought"]
    (agent,) = report.program.modules.children
    tool = agent.tools[0]
    assert (tool.name, tool.desc, tool.arguments) == (
        "look_up",
        "Find pages on a subject.",
        {"query": "string", "top": "integer"},
    )
    assert report.measured.error is None
    assert sum(report.measured.calls.values()) >= 2
    assert report.findings == ()


def test_nested_modules_lists_and_mappings(desk):
    report = with_program(desk, "Nested").describe_program(measure=True)
    described = report.program
    assert [p.name for p in described.predictors] == [
        "steps[0].guess.predict",
        "steps[1].guess.predict",
        "named['last']",
        "first.guess.predict",
    ]
    assert described.doc == "Asks three times, and once more."
    assert {child.name for child in described.modules.children} == {
        "steps[0]",
        "steps[1]",
        "named['last']",
        "first",
    }
    assert sum(report.measured.calls.values()) == 4


def test_images_and_pydantic_fields(desk):
    report = with_program(desk, "Typed").describe_program(measure=True)
    fields = {field.name: field for field in report.program.predictors[0].fields}
    assert fields["page"].type == "Image | None"
    assert fields["page"].fields == ()
    assert fields["team"].choices == ("identity", "devices")
    assert fields["places"].type == "list[Address]"
    assert [(f.name, f.type, f.desc) for f in fields["places"].fields] == [
        ("city", "str", "the town"),
        ("kind", "Literal['home', 'work']", ""),
    ]
    assert report.program.required_inputs == ("message",)
    assert report.measured.error is None


@pytest.mark.parametrize("sample", ["router", "triage", "pipeline7", "extract", "tiny"])
def test_every_sample_is_described(sample, tmp_path):
    shutil.copytree(SAMPLES / sample, tmp_path / sample, ignore=shutil.ignore_patterns(".compilot"))
    workspace = Workspace.open(tmp_path / sample)
    with Desk(workspace.root, workspace.recipe()) as made:
        report = made.describe_program(measure=True)
    assert report.findings == ()
    assert sum(report.measured.calls.values()) == len(report.program.predictors)
    assert report.measured.input_tokens > 0


def test_inputs_that_the_data_lacks_are_told_before_anything_runs(desk):
    report = with_program(desk, "Needy").describe_program(measure=True)
    (finding,) = report.findings
    assert (finding.level, finding.code) == ("fail", "program.missing_input")
    assert "'manual'" in finding.what
    assert report.measured is None


def test_one_input_with_its_trace(desk):
    report = desk.try_program({"message": "the printer smokes"})
    result = report.result
    assert set(result.outputs) == {"team"}
    (call,) = result.calls
    assert call.predictor == "route"
    assert [message.role for message in call.messages] == ["system", "user"]
    assert "the printer smokes" in call.messages[1].text
    assert result.outputs["team"] in call.completion
    assert call.input_tokens > 0
    assert call.seconds >= 0
    (step,) = result.steps
    assert step.inputs == {"message": "the printer smokes"}
    assert step.calls == (0,)
    assert report.ledger["student"]["asked"] == 1


def test_a_row_of_the_data_and_another_state(desk):
    plain = desk.describe_program().state
    plain["route"]["instructions"] = "Always choose wisely."
    report = desk.try_program(row=7, state=plain)
    assert "Always choose wisely." in report.result.calls[0].messages[0].text
    assert set(report.labels) == {"team"}


def test_what_the_program_raises_is_told_with_prints_and_line(desk):
    report = with_program(desk, "Raises").try_program({"message": "x"})
    assert report.result.outputs is None
    assert report.result.error.startswith("ZeroDivisionError")
    assert report.result.where.startswith("programs.py:")
    assert report.output == "about to divide\n"


def test_a_program_that_hangs_is_killed_at_its_line(desk):
    with pytest.raises(JobKilled) as caught:
        with_program(desk, "Hangs").try_program({"message": "x"}, seconds=1.5)
    assert caught.value.reason == "time"
    assert caught.value.where.startswith("programs.py:")
    assert "in forward" in caught.value.where


def test_errors_of_the_child_are_ours(desk):
    with pytest.raises(ProgramError) as caught:
        with_program(desk, "Agemt").describe_program()
    assert "'Agent'" in caught.value.fix


def rows(count):
    return [
        {"inputs": {"message": f"m{n}"}, "labels": {"team": "devices"}, "prediction": {"team": "devices"}}
        for n in range(count)
    ]


@pytest.mark.benchmark
def test_fifty_rows_from_a_warm_child_take_under_a_second(desk, capsys):
    desk.run_metric(rows(50))
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        scored = desk.run_metric(rows(50))
        seconds.append(time.perf_counter() - started)
        assert scored.score == 1.0
        assert len(scored.rows) == 50
    with capsys.disabled():
        print(f"\n50 rows from a warm child: {min(seconds):.2f} s")
    assert min(seconds) < 1.0


def test_an_edit_is_picked_up_saved_or_not(desk):
    path = desk.root / "edited.py"
    edited = with_metric(desk, "edited.py:metric")
    for score in (0.25, 0.75):
        path.write_text(f"def metric(e, p): return {score}\n")
        assert edited.run_metric(rows(1)).score == score
    text = "def helper(): return 0.5\ndef metric(e, p): return helper()\n"
    assert edited.run_metric(rows(1), sources={"edited.py": text}).score == 0.5
    wrong = "def metric(e, p):\n    print('judging', e.message)\n    return e.nothing\n"
    (row,) = edited.run_metric(rows(1), sources={"edited.py": wrong}).rows
    assert row.where == "edited.py:3 in metric"
    assert "return e.nothing" in row.verdict.traceback
    assert row.prints == "judging m0\n"
    assert path.read_text() == "def metric(e, p): return 0.75\n"
    assert not (desk.root / "__pycache__").exists()


def test_text_with_a_syntax_error_is_told_at_its_line(desk):
    (desk.root / "edited2.py").write_text("")
    with pytest.raises(MetricError) as caught:
        with_metric(desk, "edited2.py:metric").run_metric(
            rows(1), sources={"edited2.py": "x = 1\ndef metric(e, p:\n"}
        )
    assert caught.value.where.startswith("edited2.py:2")


def test_predictions_get_their_types_back(desk):
    (desk.root / "typed_metric.py").write_text(
        "def metric(e, p): return p.places[0].city == 'Rome' and type(p.places[0]).__name__ == 'Address'\n"
    )
    typed = msgspec.structs.replace(
        desk.recipe,
        program=ProgramSpec(target="programs.py:Typed"),
        metric=MetricSpec(target="typed_metric.py:metric"),
    )
    row = {
        "inputs": {"message": "x"},
        "labels": {"team": "devices"},
        "prediction": {"team": "devices", "places": [{"city": "Rome", "kind": "home"}]},
    }
    assert Desk(desk.root, typed, sandbox=desk.sandbox).run_metric([row]).score == 1.0


def test_answers_are_kept_as_rows_for_the_metric(desk):
    answers = desk.answer_rows(5)
    assert len(answers.rows) == 5
    assert answers.ledger["student"]["asked"] == 5
    scored = desk.run_metric(answers.rows)
    assert 0 <= scored.score <= 1
    assert [row.row for row in scored.rows] == [row["row"] for row in answers.rows]


def test_data_that_cannot_be_read_is_a_finding(desk):
    recipe = msgspec.structs.replace(desk.recipe, data=DataSpec(path="gone.jsonl", inputs=("message",)))
    report = Desk(desk.root, recipe, sandbox=desk.sandbox).test_metric(4)
    assert [finding.code for finding in report.findings] == ["data.cannot_load"]


def test_this_process_imported_neither_dspy_nor_the_code():
    code = (
        "import sys, core.workbench.desk, core.workbench.preflight\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('dspy', 'litellm', 'polars', 'program')])"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
