# finds: warn metric.feedback_missing
import dspy


def metric(example, pred, trace=None):
    if example.team == pred.team:
        return dspy.Prediction(score=1.0, feedback="Correct.")
    if len(pred.team) > 7:
        return dspy.Prediction(score=0.0, feedback=None)
    return dspy.Prediction(score=0.0, feedback=f"expected {example.team}, got {pred.team}")
