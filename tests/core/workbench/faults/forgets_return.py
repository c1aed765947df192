# finds: fail metric.returns_none
def metric(example, pred, trace=None):
    if example.team == pred.team:
        return 1.0
