# finds: fail code.died, at ends_process.py:6
import os


def metric(example, pred, trace=None):
    os._exit(3)
