# finds: warn metric.ignores_label
def metric(example, pred, trace=None):
    return len(pred.team) / 20
