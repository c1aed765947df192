import textwrap

import dspy
import pytest

from core.errors import MetricError, ProgramError
from core.programs.load import load_attribute, load_program, watch_settings
from core.recipe import ProgramSpec

PROGRAM = """
import dspy

class Answer(dspy.Module):
    def __init__(self):
        self.answer = dspy.Predict("question -> answer")
    def forward(self, question):
        return self.answer(question=question)

def make():
    return Answer()

made = Answer()
nested = type("Holder", (), {"inner": Answer})

class Needs(dspy.Module):
    def __init__(self, retriever, k=3):
        self.answer = dspy.Predict("question -> answer")

class Breaks(dspy.Module):
    def __init__(self):
        raise ValueError("no index")

class Quits(dspy.Module):
    def __init__(self):
        raise SystemExit(3)

class Sig(dspy.Signature):
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()

def search(query: str) -> str:
    "Look something up."
    return query

number = 3
def gives_a_number():
    return 3
"""


def load(root, target, **spec):
    return load_program(ProgramSpec(target=target, **spec), root)


@pytest.mark.parametrize("attribute", ["Answer", "make", "made", "nested.inner", "Sig"])
def test_what_a_target_may_be(project, attribute):
    program = load(project(prog=PROGRAM), f"prog.py:{attribute}")
    assert isinstance(program, dspy.Module)
    assert len(program.predictors()) == 1


def test_an_instance_is_loaded_fresh(project):
    root = project(prog=PROGRAM)
    first = load(root, "prog.py:made")
    first.answer.demos.append(dspy.Example(question="a", answer="b"))
    assert load(root, "prog.py:made").answer.demos == []


def test_by_module_name_and_in_packages(project):
    root = project(pkg_init="", pkg__prog="from .helper import K\n" + PROGRAM, pkg__helper="K = 1")
    assert load(root, "pkg.prog:Answer").predictors()
    assert load(root, "pkg/prog.py:Answer").predictors()


def test_a_file_in_a_plain_folder_imports_its_neighbours(project):
    root = project(src__prog="import neighbour\n" + PROGRAM, src__neighbour="")
    assert load(root, "src/prog.py:Answer").predictors()


@pytest.mark.parametrize("name", ["click", "secrets"])
def test_a_file_with_a_librarys_name_is_still_loaded_by_path(project, name):
    root = project(**{name: PROGRAM})
    assert type(load(root, f"{name}.py:Answer")).__name__ == "Answer"


@pytest.mark.parametrize(
    ("module", "predictors"),
    [("Predict", ["self"]), ("ChainOfThought", ["predict"]), ("ReAct", ["react", "extract.predict"])],
)
def test_inline_signatures(project, module, predictors):
    tools = ("prog.py:search",) if module == "ReAct" else ()
    program = load(
        project(prog=PROGRAM),
        "question, context: list[str] -> answer: str, sure: bool",
        module=module,
        tools=tools,
        instructions="Answer.",
    )
    assert [name for name, _ in program.named_predictors()] == predictors


@pytest.mark.parametrize(
    ("target", "what", "where", "fix"),
    [
        ("gone.py:Answer", "no file 'gone.py'", "gone.py", "prog.py"),
        ("prog.py:Anser", "has no 'Anser'", "prog.py", "'Answer'"),
        ("prog.py:nested.outer", "has no 'outer'", "prog.py", "inner"),
        ("prog.py", "does not name an attribute", "prog.py", "file.py:name"),
        ("nowhere.at.all:X", "no module 'nowhere.at.all'", "", "file.py:name"),
        ("prog.py:Needs", "needs arguments to be made: retriever", "prog.py:16", "defaults"),
        ("prog.py:Breaks", "ValueError: no index", "prog.py:22 in __init__", ""),
        ("prog.py:Quits", "SystemExit", "prog.py:26 in __init__", ""),
        ("prog.py:number", "an object of type int, not a dspy.Module", "prog.py:number", "dspy.Module"),
        ("prog.py:gives_a_number", "an object of type int, not a dspy.Module", "prog.py:37", "dspy.Module"),
        ("question -> ", "signature cannot be used", "question -> ", ""),
        ("question -> a: NoSuchType", "signature cannot be used", "question", ""),
    ],
)
def test_errors_say_what_where_and_how_to_mend_it(project, target, what, where, fix):
    with pytest.raises(ProgramError) as caught:
        load(project(prog=PROGRAM), target)
    assert what in caught.value.what
    assert where in caught.value.where
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("code", "what", "where"),
    [
        ("x = 1\ndef f(:\n", "SyntaxError", "bad.py:2"),
        ("import sys\nsys.exit(1)\n", "ends the process", "bad.py:2"),
        ("import not_installed_anywhere\n", "'not_installed_anywhere', which is not installed", "bad.py:1"),
        ("import helper\n", "ZeroDivisionError", "helper.py:2 in compute"),
        ("from core_of_mine import nothing\n", "core_of_mine", "bad.py:1"),
        ("raise KeyboardInterrupt2\n", "NameError", "bad.py:1"),
        ("\x00", "null bytes", "bad.py"),
    ],
)
def test_what_raises_on_import_is_told_at_the_users_line(project, code, what, where):
    root = project(bad=code, helper="def compute():\n    return 1 / 0\ncompute()\n", core_of_mine="")
    with pytest.raises(MetricError) as caught:
        load_attribute("bad.py:f", root, error=MetricError)
    assert what in caught.value.what
    assert caught.value.where.startswith(where)


def test_prints_are_fine(project, capsys):
    assert load_attribute("loud.py:x", project(loud="print('hello')\nx = 1")) == 1


def test_changed_settings_are_noticed(project):
    root = project(
        conf=textwrap.dedent("""
        import dspy
        dspy.configure(adapter=dspy.JSONAdapter(), track_usage=True)
        x = 1
    """)
    )
    before = dspy.settings.adapter, dspy.settings.track_usage
    with watch_settings() as watch:
        load_attribute("conf.py:x", root)
    dspy.configure(adapter=before[0], track_usage=before[1])
    assert watch.changed == ("adapter", "track_usage")
    with watch_settings() as watch:
        pass
    assert watch.changed == ()
