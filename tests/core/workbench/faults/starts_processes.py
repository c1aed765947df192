# finds: warn metric.touches_process
import subprocess


def metric(example, pred, trace=None):
    subprocess.run(["true"], check=False)
    return example.team == pred.team
