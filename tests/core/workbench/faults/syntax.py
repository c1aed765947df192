# finds: fail metric.cannot_load, at syntax.py:2
def metric(example, pred, trace=None:
