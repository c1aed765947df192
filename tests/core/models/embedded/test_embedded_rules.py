"""Rules are recognised in the ways people and models write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.embedded.rules import Cue, Rule, read_rules, write_rule

LABELS = ("billing", "front-desk", "urgent care")


def cue_words(text: str, label: str = "billing", **kwargs) -> set[str]:
    book = read_rules(text, LABELS, **kwargs)
    return {" ".join(cue.words) for rule in book.rules if rule.label == label for cue in rule.cues}


@pytest.mark.parametrize(
    "text",
    [
        "Answer `billing` when the message mentions refund, invoice or charged.",
        "If the text mentions refund, invoice or charged, choose billing.",
        "- billing: refund, invoice, charged",
        "* `billing` - refund, invoice, charged",
        "refund, invoice, charged → billing",
        "billing (refund, invoice, charged)",
        "## billing\n- refund\n- invoice\n- charged\n\nSomething else entirely.",
        "1. Use billing for refund, invoice and charged.",
        "`billing` when it says 'refund', 'invoice' or 'charged'",
        'Choose "billing" whenever words like refund, invoice, charged appear',
    ],
)
def test_cues_of_a_label(text):
    found = cue_words(text)
    assert {"refund", "invoice"} <= found
    assert any("charged" in cue for cue in found)


def test_a_label_with_several_words():
    assert cue_words("Pick urgent care if it mentions fever.", "urgent care") == {"fever"}


def test_each_label_keeps_its_own_cues():
    text = "`billing`: refund, invoice; `front-desk`: key, badge"
    assert cue_words(text) == {"refund", "invoice"}
    assert cue_words(text, "front-desk") == {"key", "badge"}


def test_prose_that_only_lists_the_labels_is_no_rule():
    assert not read_rules("Route it to the right team: billing, front-desk or urgent care.", LABELS).rules
    assert not read_rules("Decide which team handles the message.", LABELS).rules


def test_a_cue_that_is_another_labels_name_stays_a_cue():
    assert cue_words("Answer `front-desk` when it mentions billing, key.", "front-desk") == {"billing", "key"}
    assert cue_words("Answer `front-desk` when it mentions billing, key.", "billing") == set()


def test_exceptions_and_negations_count_against():
    rules = read_rules("Answer `billing` when it mentions invoice unless it mentions key.", LABELS).rules
    weights = {cue.words[0]: cue.weight for rule in rules for cue in rule.cues}
    assert weights["invoice"] > 0 > weights["key"]
    rules = read_rules("Never answer `billing` when it mentions key.", LABELS).rules
    assert [cue.weight for cue in rules[0].cues] == [-1.0]


def test_hedged_cues_weigh_half():
    rules = read_rules("Answer `billing` when it mentions invoice; perhaps card, bank.", LABELS).rules
    assert [cue.weight for cue in rules[0].cues] == [1.0, 0.5, 0.5]


def test_rules_may_name_fields():
    book = read_rules(
        "For `queue`, answer `billing` when `topic` is `money` or `taxes`.\n"
        "For `mood`, answer `billing` when it mentions joy.",
        LABELS,
        ("queue", "mood"),
        ("topic", "message"),
    )
    queue = book.about("queue").rules
    assert [(cue.words, cue.field, cue.exact) for rule in queue for cue in rule.cues] == [
        (("money",), "topic", True),
        (("taxes",), "topic", True),
    ]
    assert [rule.output for rule in book.about("mood").rules] == ["mood"]


def test_defaults_and_words_to_ignore():
    book = read_rules("Otherwise answer `billing`.\n- Ignore words that say nothing: the, please.", LABELS)
    assert book.default == "billing"
    assert book.ignored == {"the", "please"}


def test_without_known_labels_only_what_is_given_in_backquotes_is_one():
    book = read_rules(
        "Use `message` when it mentions x.\nAnswer `money` when the message mentions fee.",
        None,
        (),
        ("message",),
    )
    assert [rule.label for rule in book.rules] == ["money"]
    assert not read_rules("Your goal is to collect information for producing `answer`.", None).rules


words = st.text("bcdfghjklmpqrvwxz", min_size=4, max_size=8)


@given(
    cues=st.lists(
        st.tuples(words, st.sampled_from([1.0, 0.5]), st.sampled_from([None, "note"])),
        min_size=1,
        max_size=8,
        unique_by=lambda cue: cue[0],
    ),
    label=st.sampled_from(LABELS),
    many=st.booleans(),
    output=st.sampled_from([None, "queue"]),
)
def test_what_is_written_is_read_back(cues, label, many, output):
    rule = Rule(label, tuple(Cue((word,), weight, name) for word, weight, name in cues), output)
    text = "\n".join(f"- {line} (3 examples)" for line in write_rule(rule, many=many))
    for known in (LABELS, None):
        book = read_rules(text, known, ("queue",), ("note",))
        assert {(cue.words, cue.weight, cue.field) for each in book.rules for cue in each.cues} == {
            (cue.words, cue.weight, cue.field) for cue in rule.cues
        }
        assert {each.label for each in book.rules} == {label}
        assert {each.output for each in book.rules} == {output}


@given(text=st.text(max_size=300))
def test_any_text_can_be_read(text):
    read_rules(text, LABELS, ("queue",), ("message",))
    read_rules(text, None, ("queue",), ("message",))
