from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from core.results.changes import CHANGES, compare_rows, pair_rows
from core.runs.rows import RowResult

scores = st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0])
"""None: the row errored."""


def rows(values, texts=None):
    texts = texts or [f"t{number}" for number in range(len(values))]
    return [
        RowResult(row=n, score=score, inputs={"q": text}, error=None if score is not None else "E")
        for n, (score, text) in enumerate(zip(values, texts, strict=True))
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(scores, scores), max_size=30), st.sampled_from([0.5, 1.0]))
def test_every_row_is_in_one_group_and_the_groups_turn_around(pairs, threshold):
    before, after = rows([a for a, _ in pairs]), rows([b for _, b in pairs])
    there = compare_rows(before, after, threshold=threshold)
    back = compare_rows(after, before, threshold=threshold)
    assert sum(there.counts.values()) == len(pairs)
    assert list(there.counts) == list(CHANGES)
    for one, other in (("fixed", "broken"), ("better", "worse"), ("right", "right"), ("errored", "errored")):
        assert there.counts[one] == back.counts[other]
    errored = sum(a is None or b is None for a, b in pairs)
    assert there.counts["errored"] == errored
    assert there.difference.rows == len(pairs) - errored
    was, now = (sum(s >= threshold for s in side if s is not None) for side in _both(pairs))
    assert there.counts["fixed"] - there.counts["broken"] == now - was


def _both(pairs):
    scored = [(a, b) for a, b in pairs if a is not None and b is not None]
    return [a for a, _ in scored], [b for _, b in scored]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcde"), max_size=20), st.randoms())
def test_rows_pair_by_content_however_they_are_numbered(texts, shuffle):
    """Copies of one row included: as many pairs as there are rows, each of the same text."""
    other = list(texts)
    shuffle.shuffle(other)
    paired = pair_rows(rows([1.0] * len(texts), texts), rows([0.0] * len(other), other))
    assert len(paired) == len(texts)
    assert all(
        left is not None and right is not None and left.inputs == right.inputs for left, right in paired
    )


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_rows_that_only_one_side_has_are_told_apart(left, right):
    changes = compare_rows(rows([1.0] * len(left), left), rows([1.0] * len(right), right))
    common = sum((Counter(left) & Counter(right)).values())
    assert changes.counts["unpaired"] == len(left) + len(right) - 2 * common
    assert changes.difference.rows == common
    assert all(pair.shown.inputs for pair in changes.pairs)


def test_rows_kept_without_content_pair_by_number():
    before = [RowResult(row=1, score=0.0), RowResult(row=2, score=1.0)]
    after = [RowResult(row=2, score=1.0, inputs={"q": "x"}), RowResult(row=1, score=1.0)]
    changes = compare_rows(before, after)
    assert [(pair.row, pair.change) for pair in changes.pairs] == [(1, "fixed"), (2, "right")]
    assert changes.of("right")[0].shown.inputs == {"q": "x"}


def test_changed_rows_come_first():
    changes = compare_rows(rows([1.0, 0.0, None, 0.25, 1.0, 0.5]), rows([1.0, 1.0, 1.0, 0.5, 0.0, 0.25]))
    assert [(p.change, p.row) for p in changes.pairs] == [
        ("fixed", 1),
        ("broken", 4),
        ("better", 3),
        ("worse", 5),
        ("right", 0),
        ("errored", 2),
    ]
    assert (changes.errored_before, changes.errored_after) == (1, 0)
    assert changes.difference.test == "permutation"
