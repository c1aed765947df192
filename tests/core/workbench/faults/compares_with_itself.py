# finds: fail metric.constant
def metric(example, pred, trace=None):
    return pred.team == pred.team
