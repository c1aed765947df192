# finds: warn metric.feedback_useless
import dspy


def metric(example, pred, trace=None, pred_name=None):
    return dspy.Prediction(score=float(example.team == pred.team), feedback="Try to do better.")
