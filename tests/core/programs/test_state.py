import datetime
import enum
import json
import subprocess
import sys

import dspy
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProgramError
from core.jsonable import to_json
from core.programs.save import encode_program, load_program_state, save_program
from core.programs.state import apply_state, dump_state, state_id

PROGRAM = """
import dspy

class Pipeline(dspy.Module):
    def __init__(self):
        self.first = dspy.ChainOfThought("message -> topic")
        self.rest = [dspy.Predict("topic -> team: str"), dspy.Predict("topic -> urgency: int")]
        self.named = {"a": dspy.Predict("topic -> x")}
"""


class Colour(enum.Enum):
    RED = "red"


class Point(pydantic.BaseModel):
    x: int
    when: datetime.date


@pytest.fixture
def pipeline():
    space = {}
    exec(PROGRAM, space)
    return space["Pipeline"]()


def optimized(program):
    predictor = program.first.predict
    predictor.signature = predictor.signature.with_instructions("Read twice.").with_updated_fields(
        "topic", prefix="The topic:", desc="one word"
    )
    predictor.demos = [
        dspy.Example(augmented=True, message="hi", topic=Point(x=1, when=datetime.date(2024, 1, 2))),
        dspy.Example(message="ho", topic=Colour.RED),
        {"message": "plain", "topic": ["a", {"b": {1, 2}}]},
    ]
    program.rest[0].lm = dspy.LM("openai/gpt-4o", api_key="sk-canary-1", api_base="http://evil.example")
    program.rest[1].config = {"temperature": 0.3}
    return program


def test_the_state_holds_texts_and_demos_only(pipeline):
    state = dump_state(optimized(pipeline))
    assert list(state) == ["first.predict", "rest[0]", "rest[1]", "named['a']"]
    first = state["first.predict"]
    assert set(first) == {"instructions", "fields", "demos"}
    assert first["instructions"] == "Read twice."
    assert first["fields"]["topic"] == {"prefix": "The topic:", "desc": "one word"}
    assert first["demos"] == [
        {"augmented": True, "message": "hi", "topic": {"x": 1, "when": "2024-01-02"}},
        {"message": "ho", "topic": "red"},
        {"message": "plain", "topic": ["a", {"b": [1, 2]}]},
    ]
    text = json.dumps(state)
    assert "canary" not in text
    assert "temperature" not in text


def test_a_state_goes_into_a_fresh_program(pipeline):
    state = dump_state(optimized(pipeline))
    fresh = type(pipeline)()
    assert state_id(dump_state(fresh)) != state_id(state)
    apply_state(fresh, state)
    assert state_id(dump_state(fresh)) == state_id(state)
    assert isinstance(fresh.first.predict.demos[0], dspy.Example)


def test_the_prompt_is_the_same_after_a_round_trip(pipeline):
    optimized(pipeline)
    fresh = type(pipeline)()
    apply_state(fresh, json.loads(json.dumps(dump_state(pipeline))))
    prompts = [
        dspy.ChatAdapter().format(p.first.predict.signature, p.first.predict.demos[:2], {"message": "m"})
        for p in (pipeline, fresh)
    ]
    assert prompts[0] == prompts[1]


@pytest.mark.parametrize(
    ("change", "what", "fix"),
    [
        (lambda s: s.update({"frist.predict": {}}), "no predictor 'frist.predict'", "first.predict"),
        (lambda s: s.pop("rest[1]"), "nothing for 'rest[1]'", "optimize"),
        (lambda s: s["rest[0]"]["fields"].update(teem={}), "no field 'teem'", "team"),
        (lambda s: s["rest[0]"].update(lm={"api_base": "http://evil"}), "'lm' is not part", "only"),
        (lambda s: s["rest[0]"].update(config={}), "'config' is not part", "only"),
        (lambda s: s["rest[0]"].update(demos="x"), "list of mappings", ""),
        (lambda s: s["rest[0]"].update(demos=["x"]), "list of mappings", ""),
        (lambda s: s["rest[0]"].update(instructions=3), "must be a text", ""),
        (lambda s: s["rest[0]"]["fields"]["team"].update(type="exec"), "'type', which is no field text", ""),
        (lambda s: s["rest[0]"]["fields"].update(team=3), "must be a mapping", ""),
        (lambda s: s.update({"rest[0]": []}), "mapping is expected", ""),
    ],
)
def test_a_wrong_state_is_refused_and_changes_nothing(pipeline, change, what, fix):
    before = state_id(dump_state(pipeline))
    state = dump_state(optimized(type(pipeline)()))
    change(state)
    with pytest.raises(ProgramError) as caught:
        apply_state(pipeline, state)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert state_id(dump_state(pipeline)) == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_value_becomes_json_and_stays_itself(value):
    once = to_json(value)
    assert json.loads(json.dumps(once)) == once
    assert to_json(once) == once


@pytest.mark.parametrize(
    "value", ["\ud800 lone", 2**70, [2**70, "\ud800"], b"bytes", object, float("nan"), 1j]
)
def test_odd_values_become_json(value):
    json.dumps(to_json(value), allow_nan=False)


def test_deep_nesting_becomes_json():
    value = []
    for _ in range(5000):
        value = [value]
    json.dumps(to_json(value))


def test_plain_dspy_loads_what_we_save(pipeline, tmp_path):
    optimized(pipeline)
    path = tmp_path / "best.json"
    save_program(pipeline, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"canary" not in path.read_bytes()
    assert b"evil" not in path.read_bytes()
    script = (
        f"import sys, json\n{PROGRAM}\np = Pipeline(); p.load(sys.argv[1]); print(json.dumps(p.dump_state()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    assert loaded["first.predict"]["signature"]["instructions"] == "Read twice."
    assert loaded["first.predict"]["demos"] == dump_state(pipeline)["first.predict"]["demos"]
    assert "mismatch" not in done.stderr


def test_it_has_the_shape_that_dspy_writes(pipeline, tmp_path):
    pipeline.first.predict.demos = [dspy.Example(message="hi", topic="x")]
    pipeline.save(tmp_path / "theirs.json")
    assert json.loads((tmp_path / "theirs.json").read_bytes()) == json.loads(encode_program(pipeline))


def test_our_own_file_is_read_back(pipeline, tmp_path):
    save_program(optimized(pipeline), tmp_path / "p.json")
    loaded = load_program_state(tmp_path / "p.json", type(pipeline)())
    assert loaded.state == dump_state(pipeline)
    assert loaded.warnings == ()
    assert loaded.versions["dspy"] == dspy.__version__


def test_a_hostile_file_gives_texts_only(pipeline, tmp_path):
    save_program(pipeline, tmp_path / "p.json")
    file = json.loads((tmp_path / "p.json").read_bytes())
    file["rest[0]"]["lm"] = {"model": "openai/x", "api_base": "http://evil", "engine": {"class": "os.system"}}
    file["rest[0]"]["config"] = {"api_base": "http://evil"}
    file["rest[0]"]["forward"] = "x"
    file["rest[0]"]["__class__"] = "x"
    del file["metadata"]
    (tmp_path / "p.json").write_text(json.dumps(file))
    loaded = load_program_state(tmp_path / "p.json", pipeline)
    assert "evil" not in json.dumps(loaded.state)
    assert "'rest[0]': ignored __class__, config, forward, lm" in loaded.warnings
    assert any("versions" in warning for warning in loaded.warnings)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda text: text[: len(text) // 2], "no program file"),
        (lambda text: "[]", "holds no mapping"),
        (lambda text: "", "no program file"),
        (lambda text: text.replace('"rest[0]"', '"rest[9]"'), "no predictor 'rest[9]'"),
        (lambda text: text.replace('"signature"', '"sig"'), "has no signature"),
        (lambda text: text.replace('"prefix"', '"pre"'), "a text that is none"),
        (lambda text: "[" * 100_000, "no program file"),
        (lambda text: '{"rest[0]": {"signature": {"instructions": "x", "fields": []}}}', "0 fields"),
    ],
)
def test_a_broken_file_is_refused(pipeline, tmp_path, spoil, what):
    path = tmp_path / "p.json"
    path.write_text(spoil(encode_program(pipeline).decode()))
    with pytest.raises(ProgramError) as caught:
        load_program_state(path, pipeline)
    assert what in caught.value.what
    assert str(path) in caught.value.where


def test_a_missing_file_and_a_pipe_are_refused(pipeline, tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for name in ("gone.json", "pipe"):
        with pytest.raises(ProgramError):
            load_program_state(tmp_path / name, pipeline)
