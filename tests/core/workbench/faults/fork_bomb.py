# finds: fail metric.raises
import os


def metric(example, pred, trace=None):
    while True:
        os.fork()
