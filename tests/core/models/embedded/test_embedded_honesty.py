"""No answer is looked up: with labels or words renamed one to one, everything scores the same."""

import itertools
import random
import re
from typing import Literal

import dspy
import pytest

from core.models.embedded.engine import EmbeddedEngine

LABELS = ("billing", "shipping", "account")
NONSENSE = ("quorv", "zibble", "mantek")


def rename_text(text, names):
    return re.sub(r"[a-z]+", lambda found: names.get(found.group(), found.group()), text)


def make_task(rows, labels, names):
    kinds = dict(zip(LABELS, labels, strict=True))

    def build(count, seed):
        return [
            dspy.Example(message=rename_text(row.message, names), team=kinds[row.team]).with_inputs("message")
            for row in rows(count, seed)
        ]

    signature = dspy.Signature(
        {"message": (str, dspy.InputField()), "team": (Literal[labels], dspy.OutputField())},
        "Route the message to a team.",
    )
    return signature, build


def vocabulary(rows):
    return sorted({word for row in rows(200, 1) for word in re.findall(r"[a-z]+", row.message)})


def renamings(rows):
    words = vocabulary(rows)
    rng = random.Random(5)
    made = ["".join(letters) for letters in itertools.product("bdfgkl", "aeiou", "mnprst", "aeiou", "vwz")]
    return {"as they are": {}, "renamed": dict(zip(words, rng.sample(made, len(words)), strict=True))}


def score(signature, rows, demos=(), instructions=None):
    program = dspy.Predict(signature if instructions is None else signature.with_instructions(instructions))
    program.demos = list(demos)
    return [program(message=row.message).team == row.team for row in rows]


@pytest.fixture
def lm():
    model = dspy.LM("embedded/student", engine=EmbeddedEngine("embedded/student"), cache=False)
    with dspy.context(lm=model, adapter=dspy.ChatAdapter()):
        yield model


@pytest.mark.parametrize("demos", [0, 4, 16])
def test_the_student_scores_the_same_row_by_row(lm, rows, demos):
    results = []
    for labels in (LABELS, NONSENSE):
        for names in renamings(rows).values():
            signature, build = make_task(rows, labels, names)
            results.append(score(signature, build(80, 2), build(demos, 3)))
    assert all(result == results[0] for result in results)
    if demos == 16:
        assert sum(results[0]) > 60


def test_rules_score_the_same(lm, rows):
    results = []
    for labels in (LABELS, NONSENSE):
        for names in renamings(rows).values():
            signature, build = make_task(rows, labels, names)
            cues = {"billing": "refund, fee", "shipping": "parcel, customs", "account": "login, locked"}
            lines = [
                f"Answer `{label}` when the message mentions {rename_text(cues[kind], names)}."
                for kind, label in zip(LABELS, labels, strict=True)
            ]
            results.append(score(signature, build(80, 2), (), "\n".join(lines)))
    assert all(result == results[0] for result in results)
    assert sum(results[0]) > 50


def optimize(signature, build):
    def metric(example, pred, trace=None, pred_name=None, pred_trace=None):
        right = example.team == pred.team
        return dspy.Prediction(
            score=float(right), feedback="Correct." if right else f"Expected '{example.team}'."
        )

    reflection = dspy.LM("embedded/reflection", engine=EmbeddedEngine("embedded/reflection"), cache=False)
    gepa = dspy.GEPA(metric=metric, reflection_lm=reflection, max_metric_calls=150, num_threads=1, seed=1)
    best = gepa.compile(dspy.Predict(signature), trainset=build(40, 4), valset=build(30, 5))
    return best, score(best.signature, build(80, 2))


def test_gepa_reaches_the_same_scores_with_labels_renamed(lm, rows):
    results = []
    for labels in (LABELS, NONSENSE):
        signature, build = make_task(rows, labels, {})
        best, result = optimize(signature, build)
        assert "Rules learned from" in best.signature.instructions
        results.append(result)
    assert results[0] == results[1]
    signature, build = make_task(rows, LABELS, {})
    assert sum(results[0]) > sum(score(signature, build(80, 2))) + 15
