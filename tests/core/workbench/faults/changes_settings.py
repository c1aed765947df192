# finds: fail metric.changes_settings
import dspy


def metric(example, pred, trace=None):
    dspy.configure(adapter=dspy.JSONAdapter())
    return example.team == pred.team
