# finds: fail code.died
import os
import signal


def metric(example, pred, trace=None):
    os.kill(os.getppid(), signal.SIGKILL)
    while True:
        pass
