"""KNNFewShot on few train rows: questions share their nearest rows, so the teacher's requests repeat."""

import pytest

from core.cost.estimate import estimate_run
from core.cost.facts import get_all_facts
from core.workspace import Workspace
from tests.support.estimates import open_sample
from tests.support.runs import run_to_end


@pytest.mark.parametrize(
    ("train", "params"), [(20, {}), (8, {}), (6, {"k": 6}), (20, {"max_labeled_demos": 0})]
)
def test_what_a_teacher_is_paid_for_lies_in_the_range(tmp_path, train, params):
    config = open_sample("router", tmp_path).root / "compilot.toml"
    split = "split = { train = 0.5, val = 0.2, test = 0.3, seed = 0 }"
    assert split in config.read_text()
    small = f"split = {{ train = {train}, val = 20, test = 28, seed = 0 }}"
    config.write_text(config.read_text().replace(split, small))
    workspace = Workspace.open(config.parent)
    recipe = workspace.recipe(optimizer="KNNFewShot", params=params)
    [measured] = get_all_facts([recipe], workspace.root, calibrated=False)
    promised = estimate_run(recipe, measured).roles["teacher"]
    _, state = run_to_end(workspace.root, recipe)
    assert state.status == "completed", state.detail
    real = state.ledger["teacher"]
    assert promised.calls.low <= real["asked"] <= promised.calls.high
    assert promised.paid.low <= real["paid"] <= promised.paid.high
    assert real["paid"] < real["asked"]
