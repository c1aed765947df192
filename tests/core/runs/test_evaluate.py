"""A full evaluation keeps every row, whatever the program does on it."""

from __future__ import annotations

import sys

import dspy
import pytest

from core.metrics.adapt import AdaptedMetric
from core.recipe import MetricSpec
from core.runs.evaluate import evaluate_program


class Leaves(dspy.Module):
    """Ends the process on one question."""

    def forward(self, question: int) -> dspy.Prediction:
        if question == 2:
            sys.exit("no")
        return dspy.Prediction(answer=question)


def always_right(example, pred, trace=None):
    return 1.0


@pytest.mark.parametrize("threads", [1, 2])
def test_a_program_that_exits_costs_its_row_alone(tmp_path, threads):
    examples = [dspy.Example(question=number).with_inputs("question") for number in range(4)]
    metric = AdaptedMetric(always_right, MetricSpec(target="always_right"), tmp_path)
    found = evaluate_program(Leaves(), examples, metric, num_threads=threads, max_errors=2)
    assert [row.score for row in found.rows] == [1.0, 1.0, None, 1.0]
    assert (found.rows[2].error or "").startswith("SystemExit: no")
