# finds: fail metric.cannot_load
def metric(pred):
    return 1.0
