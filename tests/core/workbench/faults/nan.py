# finds: fail metric.returns_nan
def metric(example, pred, trace=None):
    return float("nan")
