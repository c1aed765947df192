"""Unsaved edits survive; a built-in metric as a file judges as the built-in one does."""

import dspy
import pytest

from core.errors import MetricError
from core.metrics.adapt import load_metric
from core.metrics.builtin.copied import write_copy
from core.metrics.builtin.registry import BUILTINS
from core.metrics.drafts import drop_draft, keep_draft, read_draft
from core.metrics.templates import TEMPLATES
from core.recipe import MetricSpec

PARAMS = {"regex": {"pattern": r"\d+ \"Euro\"", "ignore_case": True}, "numeric_tolerance": {"relative": 0.1}}
ASKING = ("composite", "llm_judge", "semantic_f1")
PAIRS = [
    ("Rome", "rome!"),
    ("the red, blue", "blue, red"),
    ("1,200", "1250"),
    (["a", "b"], ["b"]),
    ({"city": "Rome", "rooms": [1, 2]}, {"city": "Rome", "rooms": [1, 3]}),
    ("x", '12 "EURO"'),
    ("", ""),
    ("same", "same"),
]


def test_a_draft_is_kept_replaced_and_dropped(tmp_path):
    assert read_draft(tmp_path, "m.py:metric") is None
    keep_draft(tmp_path, "m.py:metric", "one", "d1")
    keep_draft(tmp_path, "m.py:metric", "zwei ü\n", "d1")
    keep_draft(tmp_path, "n.py:metric", "other", "d2")
    assert read_draft(tmp_path, "m.py:metric").text == "zwei ü\n"
    assert (tmp_path / "drafts").stat().st_mode & 0o777 == 0o700
    drop_draft(tmp_path, "m.py:metric")
    drop_draft(tmp_path, "m.py:metric")
    assert read_draft(tmp_path, "m.py:metric") is None
    assert read_draft(tmp_path, "n.py:metric").text == "other"


def test_a_damaged_draft_is_none(tmp_path):
    keep_draft(tmp_path, "m.py:metric", "text", "d")
    for path in (tmp_path / "drafts").iterdir():
        path.write_bytes(b'{"target": "m.p')
    assert read_draft(tmp_path, "m.py:metric") is None


@pytest.mark.parametrize(
    "name", [name for name in BUILTINS if name not in ("composite", "llm_judge", "semantic_f1")]
)
def test_a_copy_scores_as_the_builtin_does(name, tmp_path):
    params = PARAMS.get(name, {})
    (tmp_path / "metrics.py").write_text(write_copy(name, params, ["answer"]))
    ours = load_metric(MetricSpec(target=f"builtin:{name}", params=params), tmp_path)
    copied = load_metric(MetricSpec(target="metrics.py:metric"), tmp_path)
    for expected, got in PAIRS:
        example = dspy.Example(question="q", answer=expected).with_inputs("question")
        pred = dspy.Prediction(answer=got)
        assert copied(example, pred).score == ours(example, pred).score, (expected, got)


@pytest.mark.parametrize("name", ["llm_judge", "semantic_f1"])
def test_a_copy_that_asks_a_model_loads(name, tmp_path):
    rubric = 'Say "yes" or \\no'
    (tmp_path / "judged.py").write_text(write_copy(name, {"rubric": rubric}, ["answer"]))
    load_metric(MetricSpec(target="judged.py:metric"), tmp_path)


def test_what_has_no_code_cannot_be_copied():
    with pytest.raises(MetricError, match="no source to copy"):
        write_copy("composite", {}, [])
    with pytest.raises(MetricError, match="no source to copy"):
        write_copy("nope", {}, [])


def test_a_template_takes_the_metrics_name():
    for template in TEMPLATES.values():
        assert "def routed_right(" in template.fill("team", "routed_right")
    with pytest.raises(MetricError, match="no metric name"):
        TEMPLATES["qa"].fill("team", "a b")
