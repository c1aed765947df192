# finds: fail metric.rewards_empty
def metric(example, pred, trace=None):
    return pred.team in example.team
