# finds: fail metric.raises
def metric(example, pred, trace=None, pred_name=None):
    if pred_name is not None:
        raise ValueError(f"who is {pred_name}?")
    return example.team == pred.team
