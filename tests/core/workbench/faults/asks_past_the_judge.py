# finds: warn metric.unmetered_lm
import dspy

from core_less_lm import lm


def metric(example, pred, trace=None):
    with dspy.context(lm=lm):
        dspy.Predict("text -> label")(text=pred.team)
    return example.team == pred.team
