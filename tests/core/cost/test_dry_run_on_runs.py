"""Dry runs beside real runs, for every optimizer and sample: as many calls, role by role."""

import pytest

from core import Workspace, dry_run
from core.cost.facts import get_all_facts
from core.optimizers import registry
from core.samples import copy_sample
from tests.support.estimates import open_sample
from tests.support.runs import SMALL, make_recipe, run_to_end

pytestmark = pytest.mark.long

SAMPLES = ("router", "triage", "pipeline7")
BY_SCORES = {
    "BootstrapFewShot",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapFewShotWithOptuna",
    "MIPROv2",
    "SIMBA",
    "GEPA",
    "InferRules",
    "Ensemble",
}
"""Optimizers whose control flow goes by what comes out right; the others ask the same whatever happens."""


def run_and_count(folder, recipe):
    """Calls that a real run asked for, by role."""
    _, state = run_to_end(folder, recipe)
    return {role: one["asked"] for role, one in state.ledger.items() if one["asked"]}


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.timeout(1800)
def test_as_many_calls_as_the_real_run(tmp_path, sample):
    folder = tmp_path / "w"
    copy_sample(sample, folder)
    recipes = [make_recipe(folder, name, SMALL[name], dials={"latency": 0.0}) for name in registry.names()]
    get_all_facts(recipes, folder)
    lines, wrong = [], []
    for recipe in recipes:
        name = recipe.optimizer.name
        found = dry_run(recipe, folder)  # before the run, which would tell it what to expect
        real = run_and_count(folder, recipe)
        total = sum(real.values())
        off = found.total.expected / total - 1
        roles = ", ".join(
            f"{role} {found.calls[role].expected:,.0f} / {real.get(role, 0):,}" for role in found.calls
        )
        lines.append(
            f"{sample:10} {name:33} {off:+6.1%}  {found.total.expected:>7,.0f} / {total:<7,} {roles}"
        )
        if abs(off) > (0.15 if name in BY_SCORES else 0.05) or set(real) != set(found.calls):
            wrong.append(lines[-1])
    print("", *lines, sep="\n")
    assert not wrong, "\n".join(wrong)
    assert [path.name for path in (Workspace.open(folder).runs_dir).iterdir()]  # the real runs' only
    assert len(list(Workspace.open(folder).runs_dir.iterdir())) == len(recipes)


@pytest.mark.parametrize("sample", SAMPLES)
def test_gepa_reflects_as_often_as_in_the_real_run(tmp_path, sample):
    workspace = open_sample(sample, tmp_path)
    recipe = workspace.recipe(optimizer="GEPA")
    get_all_facts([recipe], workspace.root)
    found = dry_run(recipe, workspace.root)
    real = run_and_count(workspace.root, recipe)
    expected = {role: found.calls[role].expected for role in real}
    print(sample, expected, real)
    assert expected == {role: pytest.approx(count, rel=0.15) for role, count in real.items()}
