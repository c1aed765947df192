import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from core.results.leaks import find_leaks
from core.results.lineage import build_lineage
from core.results.prompts import diff_lines, diff_prompts, trace_lines
from core.runs.reduce import Candidate
from tests.support.results import CHILD, INSTRUCTIONS, MERGED, OTHER, SEED, make_state

texts = st.text(st.sampled_from("ab \n\t\u2028é漢"), max_size=60)


@settings(deadline=None)
@given(texts, texts)
def test_a_diff_holds_both_texts_line_by_line(before, after):
    lines = diff_lines(before, after)
    assert [line.text for line in lines if line.mark != "+"] == before.splitlines()
    assert [line.text for line in lines if line.mark != "-"] == after.splitlines()
    for line in lines:
        assert all(0 <= start < end <= len(line.text) for start, end in line.changed)


def test_a_reworded_line_tells_which_letters_differ():
    lines = diff_lines("- printer or laptop: devices", "- printer, laptop or battery: devices")
    assert [line.mark for line in lines] == ["-", "+"]
    added = "".join(lines[1].text[a:b] for a, b in lines[1].changed)
    assert "battery" in added
    assert "devices" not in added


def test_copied_training_text_is_marked_where_it_stands():
    row = {"message": "The radiator in my office, does not get WARM.", "team": "facilities"}
    changes = diff_prompts(
        make_state(INSTRUCTIONS[SEED]), make_state(INSTRUCTIONS[MERGED]), rows={"train": [row]}
    )
    (change,) = changes
    (leak,) = change.leaks
    assert leak.text == "The radiator in my office does not get warm"
    assert (leak.rows, leak.fields, leak.split) == ((0,), ("message",), "train")
    (line,) = [line for line in change.lines if line.leaks]
    assert line.text[line.leaks[0].start : line.leaks[0].end] == leak.text
    assert change.letters_after > change.letters_before


def test_a_stretch_of_two_splits_is_told_once() -> None:
    rows = {
        "train": [{"q": "one two three four five six seven"}],
        "val": [{"q": "two three four five six"}, {"q": "alpha beta gamma delta epsilon"}],
    }
    text = "one two three four five six seven and alpha beta gamma delta epsilon"
    (change,) = diff_prompts(make_state(""), make_state(text), rows=rows)
    assert [(leak.split, leak.rows) for leak in change.leaks] == [("train", (0,)), ("val", (1,))]


def test_what_a_person_wrote_is_no_leak():
    text = "Answer like this: the radiator in my office does not get warm."
    row = {"message": "the radiator in my office does not get warm"}
    assert find_leaks(text, [row])
    assert not find_leaks(text, [row], known=text)
    state = make_state(text)
    (change,) = diff_prompts(make_state("Answer."), state, rows={"train": [row]}, written=state)
    assert not change.leaks


def test_labels_and_short_phrases_are_no_leaks():
    assert not find_leaks(
        "Answer `facilities` when it is about a room in the building.", [{"t": "in the building"}]
    )
    assert not find_leaks("a b c d e", [{"t": "a b c d e"}])
    assert find_leaks(
        "お世話になっております暖房が動きません", [{"t": "暖房: お世話になっております暖房が動きません!"}]
    )
    assert find_leaks("x", [{"t": None}, {"t": 5}]) == []


def test_of_overlapping_stretches_the_longest_is_told():
    text = "one two three four five six seven eight nine"
    rows = [{"q": "two three four five six"}, {"q": "zero two three four five six seven eight ten"}]
    (leak,) = find_leaks(text, rows)
    assert leak.text == "two three four five six seven eight"
    assert leak.rows == (1,)


words = st.lists(st.sampled_from(["lorem", "ipsum", "dolor", "amet"]), max_size=25)


@settings(deadline=None)
@given(words, st.lists(words, max_size=4))
def test_leaks_stand_in_the_text_and_in_a_row_and_never_overlap(prompt, rows):
    text = " ".join(prompt)
    given_ = [{"q": "-".join(row)} for row in rows]
    leaks = find_leaks(text, given_)
    for leak in leaks:
        assert text[leak.start : leak.end] == leak.text
        assert len(leak.text.split()) >= 5
        for row in leak.rows:
            assert leak.text.replace(" ", "-") in given_[row]["q"]
    assert all(a.end < b.start for a, b in itertools.pairwise(leaks))


def test_each_new_line_names_the_candidate_that_brought_it_in():
    lineage = build_lineage(
        [
            Candidate(SEED, ""),
            Candidate(CHILD, "", (SEED,)),
            Candidate(OTHER, "", (SEED,)),
            Candidate(MERGED, "", (CHILD, OTHER)),
        ]
    )
    states = {one: make_state(text) for one, text in INSTRUCTIONS.items()}
    since = trace_lines(lineage, MERGED, states)
    (change,) = diff_prompts(states[SEED], states[MERGED], since=since)
    told = {line.text: line.since for line in change.lines if line.mark == "+"}
    assert told["- payslip or contract: payroll"] == CHILD
    assert told["Say `network` when a connection drops."] == OTHER
    assert told["- printer, laptop or battery: devices"] == MERGED
    assert told[""] == ""


def test_predictors_and_demonstrations_that_come_and_go():
    before = {**make_state("a", [{"message": "x"}]), "old": {"instructions": "o", "fields": {}, "demos": []}}
    after = make_state("a", [{"message": "x"}, {"message": "y"}])
    changed, removed = diff_prompts(before, after)
    assert (changed.status, changed.lines, changed.demos_kept) == ("changed", (), 1)
    assert changed.demos_added == ({"message": "y"},)
    assert (removed.predictor, removed.status, [line.mark for line in removed.lines]) == (
        "old",
        "removed",
        ["-"],
    )
