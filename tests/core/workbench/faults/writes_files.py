# finds: warn metric.touches_write
import pathlib


def metric(example, pred, trace=None):
    pathlib.Path("scores.log").write_text("one more")
    return example.team == pred.team
