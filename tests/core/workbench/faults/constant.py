# finds: fail metric.constant
def metric(example, pred, trace=None):
    return 1.0
