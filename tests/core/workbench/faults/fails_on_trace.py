# finds: fail metric.raises
def metric(example, pred, trace=None):
    if trace is not None:
        return trace["steps"] > 3
    return example.team == pred.team
