"""Situations to give advice on, made of plain facts."""

from core.advice.situation import Cost, DataFacts, MetricFacts, ProgramFacts, RunFacts, Situation
from core.cost.facts import CallTokens, Measured
from core.optimizers.facts import Facts, PredictorFacts


def data(train=60, val=20, test=20, labels=("team",), classes=None, **more):
    classes = {"team": 3} if classes is None else classes
    return DataFacts(train=train, val=val, test=test, labels=labels, class_labels=classes, **more)


def program(predictors=1, *, closed=("team",), **more):
    names = tuple(f"p{number}" for number in range(predictors))
    return ProgramFacts(predictors=names, modules=("Predict",) * predictors, closed=closed, **more)


def metric(**more):
    given = {"target": "metrics.py:judge", "rows": 12, "gold": 1.0, "other": 0.1, "feedback": False}
    return MetricFacts(**{**given, **more})


def cost(calls=100.0, usd=0.0, minutes=1.0, tokens=1e4, high=1.2, **more):
    return Cost(
        calls=calls,
        calls_high=high * calls,
        tokens=tokens,
        tokens_high=high * tokens,
        usd=usd,
        usd_high=None if usd is None else high * usd,
        minutes=minutes,
        minutes_high=high * minutes,
        **more,
    )


def situation(**more):
    given = {"data": data(), "program": program(), "metric": metric(), "runs": RunFacts(rows=20)}
    return Situation(**{**given, **more})


def measured(train=60, val=20, test=20, predictors=2, **more):
    facts = Facts(
        train=train,
        val=val,
        test=test,
        predictors=tuple(PredictorFacts(name=f"p{number}") for number in range(predictors)),
        success_rate=0.5,
        perfect_rate=0.5,
    )
    given = {
        "facts": facts,
        "tokens": {"student": CallTokens(200.0, 10.0), "reflection": CallTokens(900.0, 300.0)},
        "demo_tokens": 50.0,
        "latency_seconds": {"student": 1.0, "reflection": 4.0},
        "start_seconds": 3.0,
        "rows": 20,
        "calls": 40,
    }
    return Measured(**{**given, **more})
