# finds: fail metric.raises, at missing_field.py:5
def metric(example, pred, trace=None):
    team = pred.team

    return example.no_such_field == team
