"""Metrics of any shape: called the way they want, answering the way each optimizer wants."""

import asyncio
import threading

import dspy
import pytest

from core.errors import MetricError, StopRun
from core.metrics.adapt import AdaptedMetric, load_metric
from core.recipe import MetricSpec
from tests.core.metrics.metric_shapes import SHAPES, TELLS

GOLD = dspy.Example(message="the printer smokes", team="devices").with_inputs("message")
RIGHT = dspy.Prediction(team="devices")
WRONG = dspy.Prediction(team="payroll")

FROM_0_TO_1 = "not a number from 0 to 1"
GIVE = ": give (score, feedback), or (score, feedback, sub-scores)"
HINT = "if that is percent, divide it by 100; if it is a count or a grade, divide it by the most it can be"


def make(tmp_path, code, **spec):
    (tmp_path / "m.py").write_text(code)
    import importlib
    import sys

    sys.modules.pop("m", None)
    importlib.invalidate_caches()
    return load_metric(MetricSpec(target="m.py:metric", **spec), tmp_path)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_serves_every_kind_of_optimizer(tmp_path, name):
    metric = make(tmp_path, SHAPES[name])
    for pred, score in ((RIGHT, 1.0), (WRONG, 0.0)):
        verdict = metric(GOLD, pred)
        assert (verdict.score, verdict.error) == (score, None)
        assert metric.for_evaluate()(GOLD, pred) == score
        assert metric.for_bootstrap()(GOLD, pred) == score
        assert metric.for_bootstrap()(GOLD, pred, []) is bool(score)
        judged = metric.for_gepa()(GOLD, pred, None, "route", None)
        assert judged.score == score
        if name in TELLS:
            assert judged.feedback == "told"
        else:
            assert ("expected 'devices', got 'payroll'" in judged.feedback) is (score == 0)
    assert metric.has_feedback is (name in TELLS)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def metric(): return 1", "takes 0 arguments, ()"),
        ("def metric(example): return 1", "takes 1 argument, (example)"),
        ("def metric(a, b, c, d, e, f, g): return 1", "needs an argument 'g' that nobody gives"),
        ("def metric(example, pred, *, strict): return 1", "needs an argument 'strict' that nobody gives"),
        ("class M:\n  def m(self, ex, pred): return 1\nmetric = M.m", "a method without its object"),
        (
            "class metric:\n  def __init__(self, k): pass\n  def __call__(self, a, b): return 1",
            "cannot be made: TypeError",
        ),
        ("class metric: pass", "cannot be called"),
        ("metric = 3", "cannot be called: it is of type int"),
        ("def other(a, b): return 1", "has no 'metric'"),
    ],
)
def test_what_cannot_be_a_metric_is_told_before_it_runs(tmp_path, code, said):
    with pytest.raises(MetricError) as caught:
        make(tmp_path, code)
    assert said in caught.value.what
    assert caught.value.where
    assert caught.value.fix


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("None", "the score is None (does every path of the metric return?), not a number from 0 to 1"),
        ("'0.5'", "the score is the text '0.5', not a number from 0 to 1"),
        ("float('nan')", "the score is NaN, not a number from 0 to 1"),
        ("85", "the score is 85, outside 0 to 1: " + HINT),
        ("float('inf')", "the score is inf, outside 0 to 1"),
        ("-1", "the score is -1, outside 0 to 1"),
        ("{}", "it returned an empty mapping: give a 'score', or named sub-scores"),
        ("{'feedback': 'x'}", "it returned an empty mapping: give a 'score', or named sub-scores"),
        ("{'a': 'x'}", "it returned a mapping without 'score' ('a'): give a 'score', or named sub-scores"),
        ("{'a': 1, 'b': 'x'}", "sub-score 'b' is of type str, not a number from 0 to 1"),
        ("{'a': 1, 'b': 7}", "sub-score 'b' is 7, outside 0 to 1: " + HINT),
        ("()", "it returned a tuple of 0: give (score, feedback), or (score, feedback, sub-scores)"),
        ("(1, 2)", "it returned a tuple of 2: give (score, feedback), or (score, feedback, sub-scores)"),
        ("[1, object()]", "it returned a list of 2" + GIVE),
        ("object()", "the score is of type object, not a number from 0 to 1"),
        ("1j", "the score is of type complex, not a number from 0 to 1"),
        ("import_dspy.Prediction(n=1, w=object())", "sub-score 'w' is of type object, " + FROM_0_TO_1),
        ("10**400", "the score is of type int, not a number from 0 to 1"),
        ("lambda: 1", "the score is of type function, not a number from 0 to 1"),
    ],
)  # fmt: skip
def test_what_is_no_score_makes_the_row_errored(tmp_path, result, said):
    metric = make(tmp_path, f"import dspy as import_dspy\ndef metric(e, p): return {result}")
    verdict = metric(GOLD, RIGHT)
    assert verdict.score is None
    assert verdict.error == said
    with pytest.raises(MetricError):
        metric.for_evaluate()(GOLD, RIGHT)


def test_an_exception_keeps_its_line_and_traceback(tmp_path):
    metric = make(
        tmp_path, "def helper(e):\n    return e.no_such_field\n\ndef metric(e, p):\n    return helper(e)\n"
    )
    verdict = metric(GOLD, RIGHT)
    assert verdict.score is None
    assert "no_such_field" in verdict.error
    assert verdict.where == "m.py:2 in helper"
    assert verdict.traceback.startswith("Traceback (most recent call last):\n  File")
    assert "adapt.py" not in verdict.traceback


def test_sys_exit_in_a_metric_is_an_errored_row(tmp_path):
    assert make(tmp_path, "import sys\ndef metric(e, p): sys.exit(2)")(GOLD, RIGHT).error == "SystemExit: 2"


def test_stop_run_passes(tmp_path):
    metric = make(tmp_path, "def metric(e, p): raise BaseException")
    metric.function = lambda e, p: (_ for _ in ()).throw(StopRun("budget", "cap"))
    with pytest.raises(StopRun):
        metric(GOLD, RIGHT)


def test_an_async_metric_inside_a_running_loop(tmp_path):
    metric = make(tmp_path, "import asyncio\nasync def metric(e, p):\n  await asyncio.sleep(0)\n  return 1")

    async def inside():
        return metric(GOLD, RIGHT)

    assert asyncio.run(inside()).score == 1.0


def test_weights_make_the_score_from_the_parts(tmp_path):
    code = "def metric(e, p): return {'a': 1, 'b': 0, 'c': 0}"
    assert make(tmp_path, code)(GOLD, RIGHT).score == pytest.approx(1 / 3)
    assert make(tmp_path, code, weights={"a": 2.0})(GOLD, RIGHT).score == pytest.approx(0.5)
    verdict = make(tmp_path, code, weights={"d": 2.0})(GOLD, RIGHT)
    assert "weighs 'd', but the metric's sub-scores are 'a', 'b', 'c'" in verdict.error
    scored = "def metric(e, p): return {'score': 0.1, 'subscores': {'a': 1, 'b': 0}}"
    assert make(tmp_path, scored)(GOLD, RIGHT).score == 0.1
    assert make(tmp_path, scored, weights={"a": 3.0})(GOLD, RIGHT).score == 0.75


def test_parts_become_objectives_for_gepa(tmp_path):
    judged = make(tmp_path, "def metric(e, p): return {'a': 1, 'b': 0}").for_gepa()(GOLD, RIGHT)
    assert judged.objective_scores == {"a": 1.0, "b": 0.0}


def test_the_threshold_says_what_counts_as_right(tmp_path):
    code = "def metric(e, p, trace=None): return 0.7 if trace is None else 0.7"
    assert make(tmp_path, code).for_bootstrap()(GOLD, RIGHT, []) is False
    assert make(tmp_path, code, threshold=0.6).for_bootstrap()(GOLD, RIGHT, []) is True
    assert make(tmp_path, code, threshold=0.6).for_bootstrap()(GOLD, RIGHT) == 0.7


def test_a_metric_that_is_strict_itself_sees_the_trace(tmp_path):
    metric = make(tmp_path, "def metric(e, p, trace=None): return 0.9 if trace is None else False")
    assert metric.for_bootstrap()(GOLD, RIGHT) == 0.9
    assert metric.for_bootstrap()(GOLD, RIGHT, [1]) is False


def test_the_guides_four_argument_metric_is_told_the_predictor(tmp_path):
    code = """
import dspy
def metric(example, pred, trace=None, pred_name=None):
    return dspy.Prediction(score=1.0, feedback=f"for {pred_name}")
"""
    judge = make(tmp_path, code).for_gepa()
    assert judge(GOLD, RIGHT, [], "agent_a", []).feedback == "for agent_a"
    assert dspy.GEPA(metric=judge, reflection_lm=dspy.LM("x/y"), max_metric_calls=1)


def test_missing_feedback_speaks_of_the_asked_predictors_fields(tmp_path):
    gold = dspy.Example(m="x", topic="a", team="b").with_inputs("m")
    pred = dspy.Prediction(topic="A", team="B")
    metric = make(tmp_path, "def metric(e, p): return 0").for_gepa()
    step = (dspy.Predict("m -> topic"), {}, pred)
    assert metric(gold, pred, [step], "t", [step]).feedback == "Wrong topic: expected 'a', got 'A'."
    assert metric(gold, pred).feedback.count("\n") == 1


def test_calls_inside_the_metric_use_the_judge(tmp_path):
    metric = make(tmp_path, "import dspy\ndef metric(e, p): return dspy.settings.lm == 'the judge'")
    metric.judge_lm = "the judge"
    assert metric(GOLD, RIGHT).score == 1.0
    assert dspy.settings.lm != "the judge"


def test_changing_the_example_changes_a_copy(tmp_path):
    metric = make(tmp_path, "def metric(e, p):\n  e.team = 'x'\n  del e['message']\n  return 1")
    gold = GOLD.copy()
    assert metric(gold, RIGHT).score == 1.0
    assert gold == GOLD


def test_every_verdict_is_told(tmp_path):
    metric = make(tmp_path, "def metric(e, p): return 1 if p.team == 'devices' else None")
    told = []
    metric.on_call = lambda verdict, example, pred, thread: told.append(
        (verdict.score, example, pred, thread)
    )
    metric(GOLD, RIGHT)
    metric(GOLD, WRONG)
    assert told == [(1.0, GOLD, RIGHT, threading.get_ident()), (None, GOLD, WRONG, threading.get_ident())]


def test_a_program_that_gave_no_answer_is_no_error_of_the_metric(tmp_path):
    metric = make(tmp_path, "def metric(e, p): return 1")
    with pytest.raises(MetricError, match="no answer to judge"):
        metric.for_gepa()(GOLD, None)


def test_an_errored_row_is_counted_by_dspys_own_evaluate(tmp_path):
    metric = make(tmp_path, "def metric(e, p): return 1 if e.n else None")
    program = dspy.Module()
    program.forward = lambda n: dspy.Prediction(n=n)
    rows = [dspy.Example(n=n).with_inputs("n") for n in (0, 1)]
    result = dspy.Evaluate(devset=rows, num_threads=2)(program, metric=metric.for_evaluate())
    assert [score for *_, score in result.results] == [0.0, 1.0]


def test_params_reach_the_metric(tmp_path):
    code = "def metric(e, p, trace=None, field='x'): return e[field] == p[field]"
    assert make(tmp_path, code, params={"field": "team"})(GOLD, RIGHT).score == 1.0
    with pytest.raises(MetricError, match="does not take these params"):
        make(tmp_path, code, params={"feild": "team"})
    cls = "class metric:\n  def __init__(self, k): self.k = k\n  def __call__(self, e, p): return self.k"
    assert make(tmp_path, cls, params={"k": 0.5})(GOLD, RIGHT).score == 0.5


def test_it_is_callable_from_many_threads(tmp_path):
    metric = make(tmp_path, "async def metric(e, p): return e.team == p.team")
    assert isinstance(metric, AdaptedMetric)
    rows = [dspy.Example(i=i, team="a").with_inputs("i") for i in range(40)]
    program = dspy.Module()
    program.forward = lambda i: dspy.Prediction(team="a" if i % 2 else "b")
    result = dspy.Evaluate(devset=rows, num_threads=8)(program, metric=metric.for_gepa())
    assert result.score == 50.0
