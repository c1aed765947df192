from hypothesis import given, settings
from hypothesis import strategies as st

from core.results.front import PROMPT_SIZE, find_front, find_undominated
from core.results.recorded import RowScores

points = st.integers(1, 5).flatmap(
    lambda width: st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(st.none() | st.integers(0, 3).map(float), min_size=width, max_size=width),
        max_size=6,
    )
)


def beats(left, right):
    both = [(a, b) for a, b in zip(left, right, strict=True) if a is not None and b is not None]
    return all(a >= b for a, b in both) and any(a > b for a, b in both)


@settings(deadline=None)
@given(points)
def test_the_front_is_what_no_other_point_beats(given_):
    expected = {
        name for name, point in given_.items() if not any(beats(other, point) for other in given_.values())
    }
    assert find_undominated(given_) == expected


def scored(*values, **subscores):
    return [
        RowScores(n, v, {name: column[n] for name, column in subscores.items()}) for n, v in enumerate(values)
    ]


def test_rows_and_objectives_each_have_their_front():
    front = find_front(
        {
            "a": scored(1.0, 0.0, 0.0, tone=[1.0, 1.0, 1.0]),
            "b": scored(1.0, 1.0, None, tone=[0.5, 0.5, 0.5]),
            "c": scored(0.0, 1.0, 0.0, tone=[0.0, 0.0, 0.0]),
        },
        {"a": 100, "b": 300, "c": 300},
    )
    standings = {one.candidate: one for one in front.standings}
    assert [one.candidate for one in front.standings] == ["b", "a", "c"]
    assert front.objectives == ("score", "tone", PROMPT_SIZE)
    assert standings["b"].objectives == {"score": 1.0, "tone": 0.5, PROMPT_SIZE: 300.0}
    assert [(row.row, row.candidates) for row in front.rows] == [
        (0, ("a", "b")),
        (1, ("b", "c")),
        (2, ("a", "c")),
    ]
    assert (standings["b"].best_rows, standings["b"].alone_rows) == (2, 0)
    # The errored row of b is compared with nothing, so b beats both on the rows they share.
    assert [one.candidate for one in front.standings if one.row_front] == ["b"]
    assert [one.candidate for one in front.standings if one.objective_front] == ["b", "a"]
    assert front.leaders(PROMPT_SIZE) == ("a",)
    assert front.leaders("tone") == ("a",)
    assert front.leaders("unheard of") == ()


def test_nothing_scored_is_an_empty_front():
    front = find_front({})
    assert (front.standings, front.rows, front.objectives) == ([], [], ())
    alone = find_front({"a": [RowScores(0, None)]})
    assert (alone.rows, alone.standings[0].objectives) == ([], {})
