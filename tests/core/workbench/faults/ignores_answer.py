# finds: fail metric.ignores_answer
def metric(example, pred, trace=None):
    return len(example.message) % 2 == 0
