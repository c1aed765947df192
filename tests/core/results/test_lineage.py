from hypothesis import given, settings
from hypothesis import strategies as st

from core.results.lineage import build_lineage
from core.runs.reduce import Candidate, Score

names = st.sampled_from([f"c{letter}" for letter in "abcdefgh"])
graphs = st.lists(st.tuples(names, st.lists(names | st.just("gone"), max_size=3)), max_size=8)


def candidates(graph):
    return [Candidate(name, "", tuple(parents)) for name, parents in dict(graph).items()]


@settings(deadline=None)
@given(graphs)
def test_any_graph_gives_every_candidate_once_below_one_that_came_before(graph):
    """With circles, unknown parents, parents of themselves and parents named twice."""
    given_ = candidates(graph)
    lineage = build_lineage(given_)
    walked = [node.id for node in lineage.walk()]
    assert sorted(walked) == sorted(one.id for one in given_)
    for node in lineage.walk():
        assert node.parent is None or walked.index(node.parent) < walked.index(node.id)
        assert node.depth == (0 if node.parent is None else lineage.nodes[node.parent].depth + 1)
        assert all(lineage.nodes[child].parent == node.id for child in node.children)
        assert set(node.parents) <= set(lineage.nodes)
        assert not set(node.missing) & set(lineage.nodes)
        path = lineage.path(node.id)
        assert path[-1].id == node.id
        assert path[0].id in lineage.roots
        assert node.id not in lineage.ancestors(node.id)


@settings(deadline=None)
@given(graphs)
def test_without_circles_a_candidate_hangs_below_its_first_known_parent(graph):
    ordered: list[Candidate] = []
    for name, parents in dict(graph).items():
        known = [one.id for one in ordered]
        ordered.append(Candidate(name, "", tuple(p for p in parents if p in known or p == "gone")))
    lineage = build_lineage(ordered)
    for one in ordered:
        first = next((p for p in one.parents if p != "gone"), None)
        assert lineage.nodes[one.id].parent == first


def test_a_merge_hangs_below_one_parent_and_names_the_other():
    lineage = build_lineage(
        [
            Candidate("seed", "", (), "baseline"),
            Candidate("a", "", ("seed",), "reflection"),
            Candidate("b", "", ("seed",), "reflection"),
            Candidate("m", "", ("a", "b"), "merge"),
        ]
    )
    merge = lineage.nodes["m"]
    assert (merge.parent, merge.other_parents) == ("a", ("b",))
    assert [(n.id, n.depth) for n in lineage.walk()] == [("seed", 0), ("a", 1), ("m", 2), ("b", 1)]
    assert lineage.ancestors("m") == ["a", "b", "seed"]
    assert [node.id for node in lineage.path("m")] == ["seed", "a", "m"]
    assert lineage.path("nobody") == lineage.ancestors("nobody") == []


def test_minibatches_are_told_apart_from_full_scores():
    scores = (
        Score(1.0, "minibatch", "val", 4),
        Score(0.25, "minibatch", "val", 5, errors=1),
        Score(0.5, "full", "train", 20),
    )
    node = build_lineage([Candidate("a", "", scores=scores)]).nodes["a"]
    assert node.val is None
    assert (node.minibatch, node.minibatch_rows) == (0.625, 8)


def test_a_full_score_keeps_how_many_rows_errored():
    scores = (Score(0.2, "full", "val", 10), Score(0.5, "full", "val", 10, errors=2))
    node = build_lineage([Candidate("a", "", scores=scores)]).nodes["a"]
    assert (node.val, node.size, node.errors) == (0.5, 10, 2)
