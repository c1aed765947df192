# finds: fail metric.wrong_shape
def metric(example, pred, trace=None):
    return "1.0" if example.team == pred.team else "0.0"
