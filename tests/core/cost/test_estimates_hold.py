"""The promise: calls and tokens by role as a real run then takes them, on embedded models."""

import pytest

from tests.support.estimates import Case, all_cases, compare, make_table, summarize

REPRESENTATIVE = [
    Case("router", "BootstrapFewShotWithOptuna", "other"),
    Case("router", "COPRO", "other"),
    Case("router", "GEPA", "default"),
    Case("router", "KNNFewShot", "default"),
    Case("router", "SIMBA", "other"),
    Case("triage", "BootstrapFewShot", "other"),
    Case("triage", "Ensemble", "default"),
    Case("triage", "GEPA", "other"),
    Case("triage", "InferRules", "default"),
    Case("triage", "MIPROv2", "default"),
    Case("pipeline7", "GEPA", "other"),
    Case("pipeline7", "LabeledFewShot", "other"),
]
"""Every kind of arithmetic once, in about a minute of runs; all of it is the benchmark below."""


def check(cases, folder):
    rows = compare(cases, folder)
    print("\n" + "\n".join([*make_table(rows), summarize(rows)]))
    broken = [f"{row.case} {row.role}: {', '.join(row.broken)}" for row in rows if row.broken]
    assert not broken, "\n".join(broken)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sample", ["router", "triage", "pipeline7"])
def test_representative_runs_are_as_estimated(sample, tmp_path):
    check([case for case in REPRESENTATIVE if case.sample == sample], tmp_path)


@pytest.mark.benchmark
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("sample", ["router", "triage", "pipeline7"])
def test_all_runs_are_as_estimated(sample, tmp_path):
    check([case for case in all_cases() if case.sample == sample], tmp_path)
