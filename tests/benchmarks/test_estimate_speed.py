"""How long an estimate takes once its facts are known: in process, and `estimate --all` as a process."""

import statistics
import subprocess
import sys
import time

import pytest

from core.cost.estimate import estimate_run
from core.cost.facts import find_facts, get_all_facts
from core.optimizers import registry
from core.samples import copy_sample
from core.workspace import Workspace

pytestmark = pytest.mark.benchmark
_TIMES = 9


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speed") / "router"
    copy_sample("router", folder)
    place = Workspace.open(folder)
    get_all_facts([place.recipe(optimizer=name) for name in registry.names()], folder)
    return place


def milliseconds(call):
    spent = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - started))
    return spent


@pytest.mark.timeout(900)
def test_one_estimate_in_process(workspace):
    slowest = 0.0
    for name in registry.names():
        recipe = workspace.recipe(optimizer=name)
        measured = find_facts(recipe)
        spent = milliseconds(lambda r=recipe, m=measured: estimate_run(r, m))
        whole = milliseconds(lambda r=recipe: estimate_run(r, find_facts(r)))
        print(f"{name:34s} {statistics.median(spent):6.2f} ms, with facts {statistics.median(whole):6.2f} ms")
        slowest = max(slowest, min(spent))
    assert slowest < 5.0


@pytest.mark.timeout(900)
def test_estimate_all_as_a_process(workspace):
    command = [
        sys.executable, "-c", "import sys; from tui.cli import main; sys.exit(main())",
        "estimate", "--all", "--json", "--workspace", str(workspace.root),
    ]  # fmt: skip
    spent = milliseconds(lambda: subprocess.run(command, check=True, capture_output=True))
    print(f"estimate --all: median {statistics.median(spent):.0f} ms, best {min(spent):.0f} ms")
    assert min(spent) < 1000.0
