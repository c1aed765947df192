"""A tiny task, embedded models counted by role, an observer that remembers: enough for any optimizer."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import dspy
from dspy.utils.callback import BaseCallback

from core.models.embedded.engine import EmbeddedEngine
from core.models.identity import CURRENT_CALL, CallIdentity
from core.optimizers.base import CompileInputs

CUES = {
    "billing": ("invoice", "refund", "charged", "payment"),
    "shipping": ("parcel", "courier", "delivery", "tracking"),
    "account": ("password", "login", "profile", "username"),
}
Label = Literal["billing", "shipping", "account"]


class Sort(dspy.Signature):
    """Sort the message."""

    message: str = dspy.InputField()
    label: Label = dspy.OutputField()


class Rate(dspy.Signature):
    """Rate the message."""

    message: str = dspy.InputField()
    tone: Literal["calm", "angry"] = dspy.OutputField()


class Sorter(dspy.Module):
    def __init__(self):
        super().__init__()
        self.sort = dspy.Predict(Sort)

    def forward(self, message):
        if "RAISE" in message:
            raise ValueError("this message breaks the program")
        return self.sort(message=message)


class TwoSteps(dspy.Module):
    def __init__(self):
        super().__init__()
        self.sort = dspy.Predict(Sort)
        self.rate = dspy.Predict(Rate)

    def forward(self, message):
        return dspy.Prediction(label=self.sort(message=message).label, tone=self.rate(message=message).tone)


def make_rows(count, *, start=0, broken=()):
    """Messages with cue words; the label can be told from them, once demonstrations show the words."""
    rows = []
    for number in range(start, start + count):
        label = list(CUES)[number % 3]
        cues = CUES[label]
        angry = number % 2
        text = (
            f"Case {number}: about my {cues[number % 4]} and the {cues[(number // 3) % 4]}"
            f"{', this is outrageous' if angry else ', thank you kindly'}"
        )
        if number in broken:
            text += " RAISE"
        rows.append(
            dspy.Example(message=text, label=label, tone="angry" if angry else "calm").with_inputs("message")
        )
    return rows


class LabelMetric:
    """What `AdaptedMetric` offers, for one label."""

    def __init__(self, fails_on=()):
        self.calls = 0
        self._fails_on = fails_on
        self._lock = threading.Lock()

    def _score(self, example, prediction):
        with self._lock:
            self.calls += 1
        if any(word in example.message for word in self._fails_on):
            raise RuntimeError("the metric broke")
        return float(prediction is not None and prediction.get("label") == example.label)

    def for_evaluate(self):
        return lambda example, prediction, trace=None: self._score(example, prediction)

    def for_bootstrap(self):
        def judge(example, prediction, trace=None):
            score = self._score(example, prediction)
            return score if trace is None else score >= 1.0

        return judge

    def for_gepa(self):
        def judge(example, prediction, trace=None, pred_name=None, pred_trace=None):
            score = self._score(example, prediction)
            got = prediction.get("label") if prediction is not None else None
            feedback = "Correct." if score else f"Wrong label: expected '{example.label}', got '{got}'."
            return dspy.Prediction(score=score, feedback=feedback)

        return judge


class Identify(BaseCallback):
    """What the metered engine does: tells the embedded engine which call it serves."""

    def on_lm_start(self, call_id, instance, inputs):
        settings = {**instance.kwargs, **inputs.get("kwargs", {})}
        CURRENT_CALL.set(
            CallIdentity(
                key="", rollout_id=settings.get("rollout_id"), temperature=settings.get("temperature")
            )
        )


def make_lms(dials=None):
    """One embedded model per role, each with an engine of its own that counts."""
    engines = {
        role: EmbeddedEngine(f"embedded/{role}", dials) for role in ("student", "reflection", "proposer")
    }
    engines["teacher"] = EmbeddedEngine("embedded/student", dials)
    engines["judge"] = EmbeddedEngine("embedded/student", dials)
    lms = {
        role: dspy.LM(engine.model, engine=engine, cache=False, callbacks=[Identify()])
        for role, engine in engines.items()
    }
    return lms, engines


def state_of(program):
    return {
        name: {
            "instructions": predictor.signature.instructions,
            "demos": [dict(demo) for demo in predictor.demos],
            "fields": [field.json_schema_extra["prefix"] for field in predictor.signature.fields.values()],
        }
        for name, predictor in program.named_predictors()
    }


def id_of(program):
    text = json.dumps(state_of(program), sort_keys=True, default=repr)
    return "c" + hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclass
class Evaluation:
    kind: str
    size: int
    candidate: str | None
    score: float | None = None
    split: str | None = None
    rows: list = field(default_factory=list)
    ended: bool = False


class Recording:
    """An observer that keeps everything and checks the order of what it is told."""

    def __init__(self):
        self.trials = {}
        self.open_trials = set()
        self.candidates = {}
        self.evaluations = {}
        self.proposals = []
        self.fronts = []
        self.logs = []
        self._lock = threading.Lock()

    def trial_started(self, trial, *, total=None, fraction=None, note=""):
        with self._lock:
            assert trial not in self.trials, f"trial {trial} started twice"
            self.trials[trial] = {
                "total": total,
                "note": note,
                "score": None,
                "kind": None,
                "candidate": None,
            }
            self.open_trials.add(trial)

    def trial_ended(self, trial, *, score=None, kind=None, candidate=None):
        with self._lock:
            self.open_trials.remove(trial)
            self.trials[trial].update(score=score, kind=kind, candidate=candidate)

    def candidate(self, program, *, parents=(), origin=""):
        assert all(isinstance(parent, str) for parent in parents)
        with self._lock:
            identity = id_of(program)
            entry = {"parents": list(parents), "origin": origin, "state": state_of(program)}
            self.candidates.setdefault(identity, entry)
            return identity

    def evaluation_started(self, *, kind, size, candidate=None):
        with self._lock:
            identity = f"e{len(self.evaluations)}"
            self.evaluations[identity] = Evaluation(kind, size, candidate)
            return identity

    def evaluation_ended(self, evaluation, *, score, split, rows=(), candidate=None):
        with self._lock:
            entry = self.evaluations[evaluation]
            assert not entry.ended, f"{evaluation} ended twice"
            assert score is None or 0.0 <= score <= 1.0
            entry.score, entry.split, entry.rows, entry.ended = score, split, list(rows), True

    def proposal(self, *, component, text, accepted=None, reason="", parent=None):
        with self._lock:
            self.proposals.append((component, text, accepted, reason, parent))

    def pareto(self, fronts):
        self.fronts.append({key: list(ids) for key, ids in fronts.items()})

    def log(self, message, *, level="info"):
        with self._lock:
            self.logs.append((level, message))

    @property
    def errors(self):
        return [message for level, message in self.logs if level == "error"]


def make_inputs(params=None, *, program=Sorter, train=None, val=None, metric=None, seed=0, threads=4, **more):
    lms, engines = make_lms(more.pop("dials", None))
    inputs = CompileInputs(
        student=program(),
        trainset=train if train is not None else make_rows(12),
        valset=val if val is not None else make_rows(6, start=100),
        metric=metric or LabelMetric(),
        lms=lms,
        params=params or {},
        seed=seed,
        num_threads=threads,
        max_errors=more.pop("max_errors", 10),
        observer=more.pop("observer", None) or Recording(),
        workspace=more.pop("workspace", Path(".")),
        scratch=Path("."),
    )
    inputs.extra["engines"] = engines
    return inputs
