import copy

from hypothesis import given
from hypothesis import strategies as st

from core.programs.diff import diff_states, diff_text

STATE = {
    "route": {
        "instructions": "Read it.\nDecide.",
        "fields": {"team": {"prefix": "Team:", "desc": "who"}},
        "demos": [{"message": "a", "team": "x"}, {"message": "b", "team": "y"}],
    }
}


def test_equal_states_have_no_difference():
    (diff,) = diff_states(STATE, copy.deepcopy(STATE))
    assert (diff.status, diff.demos_kept) == ("same", 2)


def test_instructions_fields_and_demos():
    after = copy.deepcopy(STATE)
    after["route"]["instructions"] = "Read it twice.\nDecide."
    after["route"]["fields"]["team"]["desc"] = "the team"
    after["route"]["demos"] = [{"team": "y", "message": "b"}, {"message": "c", "team": "z"}]
    (diff,) = diff_states(STATE, after)
    assert diff.status == "changed"
    assert diff.instructions.lines == ("-Read it.", "+Read it twice.", " Decide.")
    assert [change.name for change in diff.fields] == ["team.desc"]
    assert diff.demos_added == ({"message": "c", "team": "z"},)
    assert diff.demos_removed == ({"message": "a", "team": "x"},)
    assert diff.demos_kept == 1


def test_added_and_removed_predictors():
    other = {"judge": STATE["route"]}
    assert [(diff.predictor, diff.status) for diff in diff_states(STATE, other)] == [
        ("judge", "added"),
        ("route", "removed"),
    ]


lines = st.lists(st.text(alphabet="ab -+?\t"), max_size=6).map("\n".join)


@given(lines, lines)
def test_both_texts_can_be_read_out_of_the_lines(before, after):
    change = diff_text("x", before, after)
    if change is None:
        assert before == after
        return
    assert [line[1:] for line in change.lines if line[0] in " -"] == before.splitlines()
    assert [line[1:] for line in change.lines if line[0] in " +"] == after.splitlines()
