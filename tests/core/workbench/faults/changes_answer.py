# finds: warn metric.changes_answer
def metric(example, pred, trace=None):
    pred.team = pred.team.strip() + " "
    return example.team == pred.team.strip()
