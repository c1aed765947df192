# finds: fail metric.hangs, at endless.py
def metric(example, pred, trace=None):
    while True:
        pass
