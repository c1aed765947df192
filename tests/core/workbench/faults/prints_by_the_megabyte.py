# finds: warn metric.prints
def metric(example, pred, trace=None):
    print("x" * 1_000_000)
    return example.team == pred.team
