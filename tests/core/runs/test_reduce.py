"""The reducer is pure: the same events give the same state, in one batch or many, whatever was unknown."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs import events as ev
from core.runs.events import decode_event
from core.runs.reduce import RunState, reduce_all

IDS = st.sampled_from(["c1", "c2", "c3"])
SCORES = st.one_of(st.none(), st.floats(0, 1))
EVENTS = st.one_of(
    st.builds(
        ev.RunStarted,
        run_id=st.just("r-1"),
        attempt=st.integers(1, 3),
        optimizer=st.just("GEPA"),
        recipe_hash=st.just("h"),
    ),
    st.builds(ev.PhaseChanged, phase=st.sampled_from(["load", "baseline", "compile", "final"])),
    st.builds(ev.TrialStarted, trial=st.integers(0, 9), total=st.one_of(st.none(), st.integers(1, 9))),
    st.builds(ev.CandidateNoted, id=IDS, file=st.just("f")),
    st.builds(
        ev.EvaluationStarted,
        evaluation=st.sampled_from(["e1", "e2"]),
        kind=st.sampled_from(["minibatch", "full"]),
        size=st.integers(1, 50),
        candidate=IDS,
    ),
    st.builds(
        ev.EvaluationEnded,
        evaluation=st.sampled_from(["e1", "e2"]),
        kind=st.sampled_from(["minibatch", "full"]),
        split=st.sampled_from(["train", "val"]),
        score=SCORES,
        size=st.integers(1, 50),
        errors=st.integers(0, 3),
        candidate=IDS,
    ),
    st.builds(
        ev.BestChanged,
        candidate=IDS,
        score=st.floats(0, 1),
        kind=st.sampled_from(["minibatch", "full"]),
        split=st.sampled_from(["train", "val"]),
    ),
    st.builds(ev.LogLine, message=st.text(max_size=20)),
    st.builds(ev.Paused),
    st.builds(ev.Resumed),
    st.builds(
        ev.RunEnded,
        status=st.sampled_from(["completed", "stopped", "failed"]),
        stop_reason=st.sampled_from(["completed", "stopped", "budget", "failed"]),
        best=st.one_of(st.none(), IDS),
    ),
    st.builds(ev.UnknownEvent, type=st.just("from_the_future")),
)


@given(st.lists(EVENTS, max_size=30), st.integers(0, 30))
def test_batches_do_not_matter(events, cut):
    assert reduce_all(events[cut:], reduce_all(events[:cut])) == reduce_all(events)


@given(st.lists(EVENTS, max_size=30))
def test_every_state_is_json(events):
    state = reduce_all(events)
    assert msgspec.json.decode(msgspec.json.encode(state), type=RunState).status == state.status
    assert state.to_dict()["owner"] == {}


@given(EVENTS)
def test_events_survive_the_log(event):
    if isinstance(event, ev.UnknownEvent):
        assert decode_event(b'{"type":"from_the_future","seq":4,"new":[1]}') == ev.UnknownEvent(
            "from_the_future", 4
        )
    else:
        assert decode_event(msgspec.json.encode(event)) == event


@pytest.mark.parametrize("line", [b"", b"{", b"null", b"[1]", b"\xff\xfe", b'{"seq":1}', b"nan"])
def test_damaged_lines_are_no_events(line):
    assert decode_event(line) is None


def test_a_minibatch_score_never_becomes_a_full_one():
    state = reduce_all(
        [
            ev.CandidateNoted(id="c1", file="f"),
            ev.EvaluationEnded(
                evaluation="e1", kind="minibatch", split="val", score=1.0, size=3, candidate="c1"
            ),
            ev.BestChanged(candidate="c1", score=1.0, kind="minibatch", split="val"),
        ]
    )
    assert state.candidates[0].full() is None
    assert state.best.val is None
    assert state.best.score == 1.0


def test_a_new_attempt_keeps_candidates_and_starts_progress_over():
    first = [
        ev.RunStarted(run_id="r-1", attempt=1, optimizer="GEPA", recipe_hash="h"),
        ev.CandidateNoted(id="c1", file="f"),
        ev.TrialStarted(trial=7, total=9),
        ev.BestChanged(candidate="c1", score=0.5, kind="full", split="val"),
        ev.RunEnded(status="stopped", stop_reason="stopped", best="c1"),
    ]
    again = reduce_all(
        [ev.RunStarted(run_id="r-1", attempt=2, optimizer="GEPA", recipe_hash="h")], reduce_all(first)
    )
    assert again.status == "running"
    assert again.trial is None
    assert [c.id for c in again.candidates] == ["c1"]
    assert again.best.candidate == "c1"
