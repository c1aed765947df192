# finds: warn metric.changes_example
def metric(example, pred, trace=None):
    example.team = example.team.lower()
    example["seen"] = True
    return example.team == pred.team
