# finds: fail metric.not_deterministic
import random


def metric(example, pred, trace=None):
    return random.random()
