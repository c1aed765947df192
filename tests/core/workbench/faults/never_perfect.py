# finds: warn metric.gold_not_perfect
def metric(example, pred, trace=None):
    return 0.8 if example.team == pred.team else 0.1
