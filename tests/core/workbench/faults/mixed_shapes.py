# finds: warn metric.mixed_shapes
import dspy


def metric(example, pred, trace=None):
    if example.team == pred.team:
        return 1.0
    return dspy.Prediction(score=0.0, feedback=f"expected {example.team}, got {pred.team}")
