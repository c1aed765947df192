"""The ghost in place of every LM: counted as a provider would count, right as often as asked, never paid."""

import asyncio
from typing import Literal

import dspy
import pytest
from pydantic import BaseModel

from core.cost.ghost.adapter import make_adapter
from core.cost.ghost.calibrate import calibrate
from core.cost.ghost.engine import GhostEngine, build_ghost_lms, replace_lms
from core.cost.ghost.follower import RefuseModels, follow_runs
from core.cost.ghost.ghost import Ghost, Limits
from core.errors import StopRun
from core.metrics.adapt import AdaptedMetric
from core.recipe import MetricSpec, ModelProfile

PROFILES = {"student": ModelProfile(model="openai/gpt-4o-mini", temperature=0.7, max_tokens=1000)}
LABELS = ("billing", "shipping", "account")
Label = Literal["billing", "shipping", "account"]


class Record(BaseModel):
    label: Label
    score: float


class Three(dspy.Module):
    """Three predictors in a chain."""

    def __init__(self):
        super().__init__()
        self.label = dspy.ChainOfThought(
            dspy.Signature("text -> label", "Sort.").with_updated_fields("label", type_=Label)
        )
        self.angry = dspy.Predict("text -> angry: bool")
        self.count = dspy.Predict("label, angry: bool -> count: int")

    def forward(self, text):
        label = self.label(text=text).label
        angry = self.angry(text=text).angry
        count = self.count(label=label, angry=angry).count
        return dspy.Prediction(label=label, angry=angry, count=count)


def make_rows(number=40):
    return [
        dspy.Example(
            text=f"message {at}", label=LABELS[at % 3], angry=bool(at % 2), count=at % 7
        ).with_inputs("text")
        for at in range(number)
    ]


def all_right(example, pred, trace=None):
    return all(pred.get(name) == example[name] for name in ("label", "angry", "count"))


def adapt(function, tmp_path):
    return AdaptedMetric(function, MetricSpec(target="m.py:metric"), tmp_path)


class Stage:
    """A program with ghosts for all its models."""

    def __init__(self, program, rows, **options):
        self.program = program
        self.rows = rows
        self.ghost = Ghost(program, rows, **options)
        follow_runs(program, self.ghost)
        self.lms = build_ghost_lms(self.ghost, PROFILES)

    def settings(self, role="student", **more):
        return dspy.context(
            lm=self.lms[role], adapter=make_adapter(self.ghost), disable_history=True, trace=[], **more
        )

    def share_right(self, program=None):
        with self.settings():
            answers = [((program or self.program)(**row.inputs()), row) for row in self.rows]
        return sum(all_right(row, answer) for answer, row in answers) / len(answers)


@pytest.fixture
def stage():
    return Stage(Three(), make_rows())


def test_ghost_lms_need_no_key_and_carry_the_profile(stage, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    lm = stage.lms["student"]
    assert (lm.model, lm.kwargs["temperature"]) == ("openai/gpt-4o-mini", 0.7)
    assert isinstance(lm.copy(rollout_id=3).engine, GhostEngine)
    assert set(stage.lms) == {"student", "teacher", "reflection", "proposer", "judge"}


def test_all_right_and_all_wrong(stage):
    stage.ghost.tuning.chance = 1.0
    assert stage.share_right() == 1.0
    stage.ghost.tuning.chance = 0.0
    assert stage.share_right() == 0.0
    assert stage.ghost.counts() == {"student": 240}
    assert stage.ghost.runs == 80


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_the_rate_is_the_programs_not_the_calls(stage, tmp_path, rate):
    with stage.settings():
        seen = calibrate(
            stage.ghost, stage.program, stage.rows, adapt(all_right, tmp_path), success_rate=rate
        )
    assert seen.success_rate == pytest.approx(rate, abs=0.06)
    assert stage.ghost.tuning.chance > rate
    assert stage.ghost.counts() == {}
    assert stage.share_right() == pytest.approx(rate, abs=0.06)


def test_programs_too_slow_to_be_tried_are_reckoned(stage, tmp_path, monkeypatch):
    from core.cost.ghost import calibrate as module

    monkeypatch.setattr(module, "_SECONDS", -1.0)
    monkeypatch.setattr(module, "_FIRST_SECONDS", -1.0)
    with stage.settings():
        seen = calibrate(stage.ghost, stage.program, stage.rows, adapt(all_right, tmp_path), success_rate=0.5)
    assert seen.success_rate == 0.5
    # Three calls, each right with 0.5 ** (1/3).
    assert stage.ghost.tuning.chance == pytest.approx(0.794, abs=0.001)


def test_demonstrations_have_a_rate_of_their_own(stage, tmp_path):
    with stage.settings():
        calibrate(
            stage.ghost,
            stage.program,
            stage.rows,
            adapt(all_right, tmp_path),
            success_rate=0.3,
            demo_rate=0.7,
        )
    shown = dspy.LabeledFewShot(k=4).compile(stage.program, trainset=stage.rows)
    assert stage.share_right() == pytest.approx(0.3, abs=0.06)
    assert stage.share_right(shown) == pytest.approx(0.7, abs=0.1)


def test_a_mean_score_decides_where_nothing_is_fully_right(stage, tmp_path):
    def share(example, pred, trace=None):
        return 0.9 * sum(pred.get(name) == example[name] for name in ("label", "angry", "count")) / 3

    with stage.settings():
        seen = calibrate(
            stage.ghost, stage.program, stage.rows, adapt(share, tmp_path), success_rate=0.0, mean_score=0.45
        )
    assert seen.success_rate == 0.0
    assert seen.mean_score == pytest.approx(0.45, abs=0.05)


def test_equal_calls_agree_and_samples_differ(stage):
    stage.ghost.tuning.chance = 0.5
    with stage.settings():
        first = [stage.program(**row.inputs()).toDict() for row in stage.rows]
        again = [stage.program(**row.inputs()).toDict() for row in stage.rows]
    assert first == again
    with dspy.context(
        lm=stage.lms["student"].copy(rollout_id=1, temperature=1.0), adapter=make_adapter(stage.ghost)
    ):
        other = [stage.program(**row.inputs()).toDict() for row in stage.rows]
    assert other != first
    with dspy.context(
        lm=stage.lms["student"].copy(rollout_id=1, temperature=0.0), adapter=make_adapter(stage.ghost)
    ):
        cold = [stage.program(**row.inputs()).toDict() for row in stage.rows]
    with dspy.context(lm=stage.lms["student"].copy(temperature=0.0), adapter=make_adapter(stage.ghost)):
        assert cold == [stage.program(**row.inputs()).toDict() for row in stage.rows]


def test_n_answers_are_n_calls_and_differ(stage):
    propose = dspy.Predict("old -> new", n=7)
    with stage.settings("proposer"):
        answered = propose(old="x")
        propose(old="x", config={"n": 3})
    assert stage.ghost.counts() == {"proposer": 10}
    assert len(set(answered.completions.new)) == 7


def test_direct_calls_are_counted_and_answered_by_role(stage):
    with dspy.context(disable_history=True):
        assert "```" in stage.lms["reflection"]("Improve this instruction.")[0]
        texts = stage.lms["student"]("hello", n=3)
    assert len(texts) == 3
    assert stage.ghost.counts() == {"reflection": 1, "student": 3}


def test_a_program_that_calls_the_lm_itself_can_be_right(tmp_path):
    class Direct(dspy.Module):
        def forward(self, text):
            return dspy.Prediction(label=dspy.settings.lm(f"Sort: {text}")[0])

    rows = [dspy.Example(text=f"m{at}", label=LABELS[at % 3]).with_inputs("text") for at in range(40)]
    stage = Stage(Direct(), rows)
    with stage.settings():
        metric = adapt(lambda example, pred, trace=None: pred.label == example.label, tmp_path)
        seen = calibrate(stage.ghost, stage.program, rows, metric, success_rate=0.5)
    assert seen.success_rate == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    "adapter", [dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter()], ids=lambda a: type(a).__name__
)
def test_programs_with_an_adapter_of_their_own_are_answered_as_text(adapter):
    class Own(dspy.Module):
        def __init__(self):
            super().__init__()
            self.read = dspy.Predict(
                dspy.Signature("text -> record, names: list[str], odd: bool").with_updated_fields(
                    "record", type_=Record
                )
            )

        def forward(self, text):
            with dspy.context(adapter=adapter):
                return self.read(text=text)

    rows = [
        dspy.Example(
            text=f"m{at}", record={"label": LABELS[at % 3], "score": 0.5}, names=["a", "b"], odd=True
        ).with_inputs("text")
        for at in range(6)
    ]
    stage = Stage(Own(), rows)
    with stage.settings():
        answers = [stage.program(**row.inputs()) for row in rows]
    assert [answer.record for answer in answers] == [Record(**row.record) for row in rows]
    assert all(answer.names == ["a", "b"] and answer.odd is True for answer in answers)
    assert stage.ghost.counts() == {"student": 6}
    stage.ghost.tuning.chance = 0.0
    with stage.settings():
        wrong = [stage.program(**row.inputs()) for row in rows]
    assert all(one.toDict() != other.toDict() for one, other in zip(wrong, answers, strict=True))


@pytest.mark.parametrize("steps", [1.0, 3.0])
def test_tool_loops_take_as_many_steps_as_measured(steps):
    seen = []

    def look_up(name: str, limit: int) -> str:
        """Look it up."""
        seen.append((name, limit))
        return "found"

    rows = [dspy.Example(question=f"q{at}", answer=f"a{at}").with_inputs("question") for at in range(4)]
    stage = Stage(dspy.ReAct("question -> answer", tools=[look_up]), rows, steps=steps)
    with stage.settings():
        answers = [stage.program(**row.inputs()).answer for row in rows]
    assert answers == [row.answer for row in rows]
    assert stage.ghost.counts() == {"student": 4 * (int(steps) + 1)}
    assert len(seen) == 4 * (int(steps) - 1)
    assert all(isinstance(limit, int) for _, limit in seen)


def test_judges_approve_of_right_answers(tmp_path):
    judge = dspy.Predict("answer -> reason, verdict: bool")

    def metric(example, pred, trace=None):
        return float(judge(answer=str(pred)).verdict)

    stage = Stage(Three(), make_rows())
    adapted = adapt(metric, tmp_path)
    adapted.judge_lm = stage.lms["judge"]
    with stage.settings():
        seen = calibrate(stage.ghost, stage.program, stage.rows, adapted, success_rate=0.4)
        assert seen.success_rate == pytest.approx(0.4, abs=0.06)
        adapted(stage.rows[0], stage.program(**stage.rows[0].inputs()))
    assert stage.ghost.counts() == {"student": 3, "judge": 1}


def test_judges_are_understood_in_their_own_scale_and_sense(tmp_path):
    judge = dspy.Predict("answer -> faults: int")

    def metric(example, pred, trace=None):
        return float(judge(answer=str(pred)).faults < 4)

    stage = Stage(Three(), make_rows())
    adapted = adapt(metric, tmp_path)
    adapted.judge_lm = stage.lms["judge"]
    with stage.settings():
        seen = calibrate(stage.ghost, stage.program, stage.rows, adapted, success_rate=0.6)
    assert seen.success_rate == pytest.approx(0.6, abs=0.06)


def test_models_that_the_program_brings_along_are_replaced():
    class Own(dspy.Module):
        def __init__(self):
            super().__init__()
            self.answer = dspy.Predict("question -> answer")
            self.answer.lm = dspy.LM("openai/gpt-4o", api_key="sk-nobody-may-use-this")
            self.checker = dspy.LM("anthropic/claude-sonnet-4", api_key="sk-nor-this-one-here")

        def forward(self, question):
            return dspy.Prediction(answer=self.answer(question=question).answer, check=self.checker("ok?")[0])

    rows = [dspy.Example(question="q", answer="a").with_inputs("question")]
    program = Own()
    stage = Stage(program, rows)
    assert sorted(replace_lms(program, stage.ghost)) == ["anthropic/claude-sonnet-4", "openai/gpt-4o"]
    with stage.settings():
        assert stage.program(question="q").answer == "a"
    assert stage.ghost.counts() == {"student": 2}


def test_models_made_while_it_runs_are_refused_before_they_are_asked(stage):
    with (
        stage.settings(callbacks=[RefuseModels(stage.ghost)]),
        pytest.raises(StopRun, match="openai/gpt-4o"),
    ):
        dspy.LM("openai/gpt-4o", api_key="sk-nobody-may-use-this")("hello")
    with pytest.raises(StopRun):
        stage.ghost.count("student")


def test_limits_end_it_for_good(stage):
    stage.ghost.limits = Limits(calls=10)
    with stage.settings(), pytest.raises(StopRun) as stopped:
        for row in stage.rows:
            stage.program(**row.inputs())
    assert (stopped.value.reason, stopped.value.detail) == ("budget", "calls")
    with pytest.raises(StopRun):
        stage.ghost.check()
    assert stage.ghost.counts()["student"] <= 12


def with_instructions(program, text):
    rewritten = program.deepcopy()
    for predictor in rewritten.predictors():
        predictor.signature = predictor.signature.with_instructions(text)
    return rewritten


def test_proposals_are_new_each_time_and_mend_a_little(stage):
    stage.ghost.tuning.chance, stage.ghost.tuning.lift = 0.3, 0.4
    before = stage.share_right()
    text = stage.lms["proposer"]("Improve: Sort.")[0]
    assert before < stage.share_right(with_instructions(stage.program, text)) < 1.0
    assert stage.lms["proposer"](f"Improve: {text}")[0] != text


@pytest.mark.parametrize("grasp", [1.0, 0.0])
def test_reflections_mend_the_rows_they_are_about_or_nothing(stage, grasp):
    stage.ghost.tuning.chance, stage.ghost.tuning.lift, stage.ghost.tuning.grasp = 0.0, 0.0, grasp
    everything, stage.rows = stage.rows, stage.rows[5:8]
    assert stage.share_right() == 0.0
    text = stage.lms["reflection"]("Improve: Sort.")[0]
    assert stage.share_right(with_instructions(stage.program, text)) == grasp
    stage.rows = [row for row in everything if row not in stage.rows]
    assert stage.share_right(with_instructions(stage.program, text)) == 0.0


def test_copies_of_the_program_are_followed_and_keep_their_source(stage):
    import inspect

    copied = stage.program.reset_copy()
    stage.ghost.tuning.chance = 1.0
    assert stage.share_right(copied) == 1.0
    assert "Three predictors in a chain" in inspect.getsource(type(copied))


def test_async_programs(stage):
    class Waiting(dspy.Module):
        def __init__(self):
            super().__init__()
            self.answer = dspy.Predict("question -> answer")

        async def aforward(self, question):
            return await self.answer.acall(question=question)

        def forward(self, question):
            return asyncio.run(self.acall(question=question))

    rows = [dspy.Example(question=f"q{at}", answer=f"a{at}").with_inputs("question") for at in range(3)]
    stage = Stage(Waiting(), rows)
    with stage.settings():
        assert [stage.program(**row.inputs()).answer for row in rows] == ["a0", "a1", "a2"]


def test_classes_that_allow_no_subclass_are_answered_by_their_inputs():
    class Closed(dspy.Module):
        def __init__(self):
            super().__init__()
            self.answer = dspy.Predict("question -> answer")

        def __init_subclass__(cls, *, reason, **kwargs):
            super().__init_subclass__(**kwargs)

        def forward(self, question):
            return self.answer(question=question)

    rows = [dspy.Example(question=f"q{at}", answer=f"a{at}").with_inputs("question") for at in range(3)]
    program = Closed()
    ghost = Ghost(program, rows)
    assert follow_runs(program, ghost) is False
    lm = build_ghost_lms(ghost, PROFILES)["student"]
    with dspy.context(lm=lm, adapter=make_adapter(ghost)):
        assert [program(**row.inputs()).answer for row in rows] == ["a0", "a1", "a2"]


class Again(dspy.Module):
    """Asks again until its reward is reached."""

    def __init__(self, kind):
        super().__init__()
        self.again = kind(
            module=dspy.Predict("question -> answer"),
            N=3,
            reward_fn=lambda given, answered: float(answered.answer.startswith("a")),
            threshold=1.0,
        )

    def forward(self, question):
        return self.again(question=question)


@pytest.mark.parametrize("kind", [dspy.BestOfN, dspy.Refine])
def test_programs_that_ask_again_ask_less_when_they_are_right(kind):
    rows = [dspy.Example(question=f"q{at}", answer=f"a{at}").with_inputs("question") for at in range(12)]
    asked = []
    for chance in (1.0, 0.5, 0.0):
        stage = Stage(Again(kind), rows)
        stage.ghost.tuning.chance = chance
        with stage.settings():
            for row in rows:
                stage.program(**row.inputs())
        asked.append(stage.ghost.counts()["student"])
    assert asked[0] == 12
    assert asked[0] < asked[1] < asked[2]
    assert asked[2] >= 36


def test_predictors_in_threads_of_their_own_are_answered():
    class Parallel(dspy.Module):
        def __init__(self):
            super().__init__()
            self.answer = dspy.Predict("question -> answer")

        def forward(self, question):
            one = (self.answer, dspy.Example(question=question).with_inputs("question"))
            return dspy.Parallel(num_threads=2, disable_progress_bar=True)([one, one])[0]

    rows = [dspy.Example(question=f"q{at}", answer=f"a{at}").with_inputs("question") for at in range(3)]
    stage = Stage(Parallel(), rows)
    with stage.settings():
        assert [stage.program(**row.inputs()).answer for row in rows] == ["a0", "a1", "a2"]
    assert stage.ghost.counts() == {"student": 6}
