"""Declarations that all bootstrapping optimizers share."""

from __future__ import annotations

from .spec import Parameter


def demo_parameters(*, labeled: int = 16, least_bootstrapped: int = 0) -> tuple[Parameter, ...]:
    """How many demonstrations, of which kind, and what counts as a right one."""
    return (
        Parameter(
            name="max_bootstrapped_demos",
            type="int",
            default=4,
            low=least_bootstrapped,
            meaning="most demonstrations per predictor that come from the teacher's own right answers",
            cost_effect="more teacher runs until that many examples came out right, and longer prompts",
        ),
        Parameter(
            name="max_labeled_demos",
            type="int",
            default=labeled,
            low=0,
            meaning="most demonstrations per predictor, the rest filled up with labeled rows as they are",
            cost_effect="longer prompts, no more calls",
        ),
    )


MAX_ROUNDS = Parameter(
    name="max_rounds",
    type="int",
    default=1,
    low=1,
    meaning="attempts of the teacher per example; later ones at temperature 1",
    cost_effect="failed examples are tried again",
)
METRIC_THRESHOLD = Parameter(
    name="metric_threshold",
    type="float",
    default=None,
    optional=True,
    low=0.0,
    high=1.0,
    meaning="score from which an answer is good enough for a demonstration; none leaves it to the metric",
    cost_effect="a high one needs more teacher runs",
)
SUPPLIED = {
    "metric": "it is the workspace's metric",
    "teacher_settings": "it is the model of the role teacher",
    "max_errors": "it is run.max_errors",
    "num_threads": "it is run.num_threads",
}
