# finds: fail code.time, at stuck_in_c.py:6
import itertools


def metric(example, pred, trace=None):
    return max(itertools.count())
