"""Labels are chosen by demonstrations and rules, and blindly where neither speaks."""

from collections import Counter

from core.models.embedded.learner import LabelModel, choose
from core.models.embedded.rules import RuleBook, read_rules

LABELS = ("red", "blue", "green")


def best(model: LabelModel, text: str) -> str:
    scores = model.judge({"text": text}).scores
    return model.labels[choose(scores, 0.0, 1)]


def test_demonstrations_teach():
    pairs = [
        ({"text": "apple pear"}, 0),
        ({"text": "plum apple"}, 0),
        ({"text": "rope nail"}, 1),
        ({"text": "nail saw"}, 1),
    ]
    model = LabelModel(LABELS, pairs, RuleBook())
    assert best(model, "an apple a day") == "red"
    assert best(model, "hit the nail") == "blue"


def test_rules_teach_and_ignored_words_do_not():
    book = read_rules(
        "Answer `red` when it mentions apple, day.\nIgnore words that say nothing: day.", LABELS
    )
    model = LabelModel(LABELS, [], book)
    assert best(model, "an apple") == "red"
    assert model.judge({"text": "day"}).evidence == ((), (), ())


def test_a_cue_shared_by_all_labels_says_nothing():
    book = read_rules("\n".join(f"{label}: same, only{label}" for label in LABELS), LABELS)
    model = LabelModel(LABELS, [], book)
    assert len(set(model.judge({"text": "same"}).scores)) == 1
    assert best(model, "onlygreen same") == "green"


def test_a_cue_of_one_input_field_does_not_count_in_another():
    book = read_rules("Answer `red` when `topic` is `heat`.", LABELS, (), ("topic", "text"))
    model = LabelModel(LABELS, [], book)
    assert (
        model.judge({"topic": "heat", "text": ""}).scores[0]
        > model.judge({"topic": "cold", "text": "heat"}).scores[0]
    )


def test_a_label_named_in_the_text_is_the_weak_prior():
    assert best(LabelModel(LABELS, [], RuleBook()), "paint it green") == "green"


def test_sampling_follows_the_scores_and_its_seed():
    scores = (2.0, 0.0, 0.0)
    drawn = Counter(choose(scores, 1.0, seed) for seed in range(600))
    assert 0.7 < drawn[0] / 600 < 0.87
    assert drawn[1]
    assert drawn[2]
    assert choose(scores, 1.0, 7, "x") == choose(scores, 1.0, 7, "x")
    assert all(choose(scores, 0.0, seed) == 0 for seed in range(20))


def test_ties_are_broken_differently_for_different_texts():
    assert len({choose((0.0, 0.0, 0.0), 0.0, seed) for seed in range(50)}) == 3
