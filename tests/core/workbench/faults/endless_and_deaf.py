# finds: fail code.time, at endless_and_deaf.py
def metric(example, pred, trace=None):
    while True:
        try:
            sum(range(1000))
        except:  # noqa: E722
            pass
