"""Editing support: source read, checked without running, saved, versioned; templates that run."""

import importlib
import sys

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MetricError
from core.metrics.adapt import load_metric
from core.metrics.source import check_source, is_changed, locate_source, read_source, save_source
from core.metrics.templates import TEMPLATES
from core.metrics.versions import KEPT, keep_version, list_versions
from core.recipe import MetricSpec
from core.store import open_store


def test_a_source_is_found_by_file_and_by_module(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "m.py").write_text("\nX = 1\ndef metric(a, b): return 1\n")
    for target in ("pkg/m.py:metric", "pkg.m:metric"):
        source = read_source(target, tmp_path)
        assert source.path == tmp_path / "pkg" / "m.py"
        assert source.line == 3
    for target, said in (("builtin:exact_match", "comes with Compilot"), ("gone.py:m", "no file 'gone.py'")):
        with pytest.raises(MetricError, match=said):
            locate_source(target, tmp_path)


def test_it_is_saved_unless_it_changed_on_disk(tmp_path):
    path = tmp_path / "m.py"
    path.write_text("def metric(a, b): return 1\n")
    path.chmod(0o640)
    source = read_source("m.py:metric", tmp_path)
    saved = save_source(source, "def metric(a, b): return 0\n")
    assert path.read_text() == "def metric(a, b): return 0\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert not is_changed(saved)
    assert is_changed(source)
    path.write_text("someone else's")
    with pytest.raises(MetricError, match="was changed on disk"):
        save_source(saved, "mine")
    assert path.read_text() == "someone else's"


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("def metric(a, b:\n  return 1\n", "metric.syntax", "m.py:1"),
        ("x = 1\nwhile True print(1)\n", "metric.syntax", "m.py:2"),
        ("def metric(a, b): return 1\x00", "metric.syntax", "m.py"),
        ("def other(a, b): return 1\n", "metric.missing", "m.py"),
        ("def metric(a): return 1\n", "metric.signature", "m.py:1"),
        ("def metric(a, b, c, d, e, f, g): return 1\n", "metric.signature", "m.py:1"),
        ("class metric:\n  def __call__(self, a): return 1\n", "metric.signature", "m.py:2"),
        ("def metric(a, b):\n  a == b\n", "metric.no_return", "m.py:1"),
    ],
)
def test_what_reading_alone_can_tell(text, code, where):
    (finding,) = check_source(text, "metric", "m.py")
    assert finding.code == code
    assert finding.where.startswith(where)


@pytest.mark.parametrize(
    "text",
    [
        "def metric(a, b): return 1",
        "async def metric(*args): return 1",
        "metric = lambda a, b: 1",
        "from other import metric",
        "from other import scorer as metric",
        "class metric:\n  def __call__(self, a, b): return 1",
        "import functools\n@functools.cache\ndef metric(x): return x",
        "def metric(a, b, c=1, d=2, e=3, f=4, g=5): return 1",
        "metric: object = print",
    ],
)
def test_nothing_is_said_of_what_may_be_right(text):
    assert check_source(text, "metric", "m.py") == []


@given(st.text())
def test_any_text_can_be_checked(text):
    check_source(text, "metric", "m.py")


def test_versions_are_kept_and_listed(tmp_path):
    store = open_store(tmp_path / "store.json")
    keep_version(store, "m.py:metric", "return 1\n", note="first")
    assert keep_version(store, "m.py:metric", "return 1\n", score=0.5).number == 1
    keep_version(store, "m.py:metric", "return 2\n")
    keep_version(store, "other.py:metric", "x")
    assert [version.number for version in list_versions(store, "m.py:metric")] == [2, 1]
    kept = list_versions(store, "m.py:metric")[1]
    assert (kept.text, kept.note, kept.score) == ("return 1\n", "first", 0.5)


def test_only_the_last_versions_are_kept(tmp_path):
    store = open_store(tmp_path / "store.json")
    for number in range(KEPT + 5):
        keep_version(store, "m.py:metric", f"return {number}\n")
    versions = list_versions(store, "m.py:metric")
    assert len(versions) == KEPT
    assert versions[0].number == KEPT + 5


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != "llm-judge"])
def test_a_template_runs_as_it_stands(name, tmp_path):
    text = TEMPLATES[name].fill("team")
    assert check_source(text, "metric", "m.py") == []
    module = f"template_{name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(text)
    importlib.invalidate_caches()
    metric = load_metric(MetricSpec(target=f"{module}.py:metric"), tmp_path)
    right, wrong = ({"a": 1}, {"a": 2}) if name == "extraction" else ("devices", "payroll")
    gold = dspy.Example(message="x", team=right).with_inputs("message")
    assert metric(gold, dspy.Prediction(team=right)).score == 1.0
    assert metric(gold, dspy.Prediction(team=wrong)).score == 0.0
    sys.modules.pop(module, None)


def test_the_judge_template_can_be_loaded(tmp_path):
    (tmp_path / "judge_template.py").write_text(TEMPLATES["llm-judge"].fill("team"))
    assert load_metric(MetricSpec(target="judge_template.py:metric"), tmp_path).has_feedback


def test_a_field_that_is_none_is_refused():
    with pytest.raises(MetricError):
        TEMPLATES["qa"].fill("a; import os")
