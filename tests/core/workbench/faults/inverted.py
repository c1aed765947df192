# finds: fail metric.inverted
def metric(example, pred, trace=None):
    return float(example.team != pred.team)
