# finds: fail metric.cannot_load, at import_error.py:2
import a_module_that_nobody_has


def metric(example, pred, trace=None):
    return example.team == pred.team
