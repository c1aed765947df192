# finds: warn metric.slow
import time

count = 0


def metric(example, pred, trace=None):
    global count
    count += 1
    if count == 1:
        time.sleep(1.2)
    return example.team == pred.team
