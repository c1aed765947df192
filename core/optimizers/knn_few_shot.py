"""KNNFewShot: demonstrations chosen anew for every question, from the most similar train rows."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Any

from msgspec import structs

from .base import CompileInputs, Optimizer, bootstrap_metric, load_code
from .bootstrapping import count_attempts, expect_prompts, make_set
from .demos import MAX_ROUNDS, METRIC_THRESHOLD, SUPPLIED, demo_parameters
from .facts import Facts
from .plan import Range, Work
from .prompts import Prompts, drawn_share
from .spec import Artifact, Needs, Parameter, Params, Spec

if TYPE_CHECKING:
    import dspy
    import numpy as np

HASHING = "hashing"
_DIMENSIONS = 2048
_PROBED_QUESTIONS = 20
_MIXED = 0.5
"""Part of all orders of rows that come up as the nearest ones: rows that are alike come together."""
_WORD = re.compile(r"\w+")

SPEC = Spec(
    name="KNNFewShot",
    summary="For every question, bootstraps demonstrations from the k most similar train rows, at run time.",
    description=(
        "Compiling only turns the train rows into vectors. Each later question finds its k nearest rows, "
        "lets the teacher answer them, and uses the right answers as demonstrations for this one question: "
        "good when rows differ much, at up to k more calls per predictor and question, also in production."
    ),
    parameters=(
        Parameter(
            name="k",
            type="int",
            default=3,
            low=1,
            meaning="nearest train rows looked at per question",
            cost_effect="up to k teacher runs for every single question, in production too",
        ),
        Parameter(
            name="vectorizer",
            type="str",
            default=HASHING,
            goes_to="ours",
            meaning=(
                "what turns text into vectors: `hashing` (word counts, offline), file.py:attr (a function "
                "from texts to vectors), or the name of an embedding model"
            ),
            cost_effect="a model's name makes embedding calls, which are not in the run's ledger",
        ),
        *demo_parameters(),
        MAX_ROUNDS,
        METRIC_THRESHOLD,
    ),
    presets={"light": {"k": 2}, "medium": {"k": 3}, "heavy": {"k": 6}},
    needs=Needs(min_train=2),
    roles=("student", "teacher"),
    seed_use="Nothing: the nearest rows are the nearest rows.",
    not_exposed={
        **SUPPLIED,
        "trainset": "it is the train split",
        "few_shot_bootstrap_args": "set them one by one",
    },
    artifact=Artifact(
        kind="retrieval",
        portable=False,
        note=(
            "Demonstrations are chosen at run time, so the state file holds the plain program only. To use "
            "the optimized one, compile it again with the same train rows (no LM call is made): it needs "
            "the train rows, the vectorizer, the metric and the teacher's model wherever it runs."
        ),
    ),
)


def hash_words(texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Unit vectors of hashed word and word-pair counts; equal texts give equal vectors on every machine."""
    import numpy as np

    vectors = np.zeros((len(texts), _DIMENSIONS), dtype=np.float32)
    for index, text in enumerate(texts):
        words = _WORD.findall(text.lower())
        for token in (
            *words,
            *(f"{first} {second}" for first, second in pairwise(words)),
        ):
            vectors[index, zlib.crc32(token.encode()) % _DIMENSIONS] += 1.0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths == 0, 1, lengths)
    return vectors


def _embedder(inputs: CompileInputs, name: str) -> dspy.Embedder:
    import dspy

    if name == HASHING:
        return dspy.Embedder(hash_words, caching=False)
    if ":" in name:
        return dspy.Embedder(load_code(inputs, "vectorizer", name), caching=False)
    return dspy.Embedder(name)


def _make(inputs: CompileInputs, params: Params) -> dspy.Module:
    from dspy.teleprompt import KNNFewShot

    settings = SPEC.arguments(params, "init")
    optimizer = KNNFewShot(
        k=settings.pop("k"),
        trainset=inputs.trainset,
        vectorizer=_embedder(inputs, params["vectorizer"]),
        metric=bootstrap_metric(inputs, params),
        teacher_settings={"lm": inputs.lms["teacher"]},
        **settings,
    )
    return optimizer.compile(inputs.student)


def _build(inputs: CompileInputs, params: Params) -> dspy.Module:
    inputs.observer.trial_started(1, total=1, note="vectors of the train rows")
    program = _make(inputs, params)
    inputs.observer.trial_ended(1, candidate=inputs.observer.candidate(program, origin=SPEC.name))
    return program


def _work(facts: Facts, params: Params) -> Work:
    """Compiling asks no model; every later answer bootstraps from its k nearest rows first
    (`knn_fewshot.py`).

    Fewer rows than max_bootstrapped_demos are all tried; otherwise as many as it takes to get those right.
    """
    nearest = min(params["k"], facts.sizes[0])
    one = make_set(params, params["max_bootstrapped_demos"], params["max_labeled_demos"], range(nearest))
    attempts = count_attempts(one, facts)
    if facts.attempts_per_answer is None:
        assumption = "the nearest rows are as hard for the teacher as any"
    else:
        assumption = f"{facts.attempts_per_answer:.1f} teacher runs before each answer (measured)"
        attempts = Range(attempts.low, facts.attempts_per_answer, nearest * params["max_rounds"])
    labeled = min(params["max_labeled_demos"], nearest)
    return Work(
        teacher_runs_per_answer=attempts,
        teacher_prompts=Prompts(
            runs=0,
            new=_new_share(facts, nearest, attempts.expected, with_others=labeled > 0),
            labeled=labeled * (nearest - 1) / nearest if nearest else 0.0,
        ),
        result=expect_prompts(one, facts, 0),
        scored_on_val=0.0,
        assumptions=(assumption,),
    )


def _new_share(facts: Facts, nearest: int, attempts: float, *, with_others: bool) -> float:
    """Part of the teacher's requests that are new: questions whose nearest rows are the same repeat them."""
    train, val, test = facts.sizes
    others = max(1.0, _MIXED * math.perm(train - 1, nearest - 1)) if with_others and nearest else 1.0
    return drawn_share(train * others, attempts * (val + test))


def _probe(inputs: CompileInputs, params: Params, facts: Facts) -> Facts:
    """Bootstraps for a few questions of the val split, as the compiled program will."""
    from dspy.predict.knn import KNN

    from .probe import probe_bootstraps

    retriever = KNN(params["k"], inputs.trainset, _embedder(inputs, params["vectorizer"]))
    rows = {id(row): index for index, row in enumerate(inputs.trainset)}
    attempts = []
    for question in inputs.valset[:_PROBED_QUESTIONS]:
        nearest = [rows[id(row)] for row in retriever(**question.inputs())]
        one = make_set(params, params["max_bootstrapped_demos"], params["max_labeled_demos"], nearest)
        attempts.append(sum(len(walk.outcomes) for walk in probe_bootstraps(inputs, [one])))
    return structs.replace(facts, attempts_per_answer=fmean(attempts)) if attempts else facts


OPTIMIZER = Optimizer(SPEC, _build, _work, _probe, _make)
