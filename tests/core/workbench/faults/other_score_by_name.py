# finds: warn metric.score_by_predictor
def metric(example, pred, trace=None, pred_name=None):
    right = float(example.team == pred.team)
    return right if pred_name is None else 0.5
