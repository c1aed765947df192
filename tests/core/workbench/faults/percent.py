# finds: fail metric.out_of_range
def metric(example, pred, trace=None):
    return 100.0 * (example.team == pred.team)
