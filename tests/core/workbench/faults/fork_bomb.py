# finds: fail metric.raises|code.processes
import os


def metric(example, pred, trace=None):
    while True:
        os.fork()
