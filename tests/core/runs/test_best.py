"""Which candidate counts as best, by rule."""

from __future__ import annotations

from core.runs.best import Scored, choose_best


def test_nothing_scored_has_no_best():
    assert choose_best({}, "base") is None


def test_the_baseline_stands_until_a_candidate_beats_it_in_full():
    base = ("base", "full", "val")
    scores = {base: Scored(0.5, 20), ("c1", "full", "val"): Scored(0.5, 20)}
    assert choose_best({base: Scored(0.5, 20)}, "base") == base
    assert choose_best(scores, "base") == base, "of equals the earlier one stays"
    scores["c2", "full", "val"] = Scored(0.6, 20)
    assert choose_best(scores, "base") == ("c2", "full", "val")


def test_a_lucky_minibatch_does_not_beat_a_full_score():
    scores = {("c1", "full", "val"): Scored(0.6, 20), ("c2", "minibatch", "val"): Scored(1.0, 3)}
    assert choose_best(scores, "base") == ("c1", "full", "val")


def test_optimizers_that_only_score_minibatches_have_a_best_too():
    scores = {("base", "full", "val"): Scored(0.5, 20), ("c1", "minibatch", "train"): Scored(0.4, 32)}
    assert choose_best(scores, "base") == ("c1", "minibatch", "train")
