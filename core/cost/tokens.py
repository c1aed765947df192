"""Tokens of a run by role, from a plan's prompts and what was measured; repeated requests are left out."""

from __future__ import annotations

import msgspec

from ..optimizers.plan import Plan, Range, exactly
from ..optimizers.prompts import Prompts, distinct_share
from ..recipe import Role
from .facts import CallTokens, Measured

TEXT_TOKENS = 250.0
"""Of an instruction, set of rules or advice, where nobody measured what the proposer writes."""
ROOM = 0.25
"""Room on both sides of token counts: demonstrations and instructions differ from those measured."""
_REPEAT_ROOM = 0.25
"""Room for how often requests repeat one another."""
_REASONING_TOKENS = 100.0
"""Written before the text itself, at least."""
_UNMEASURED = CallTokens(600.0, 150.0)
"""Tokens of a call of the student, where not even that was measured."""
_UNMEASURED_ROOM = (1 / 3, 4.0)


class RoleTokens(msgspec.Struct, frozen=True):
    """What providers answer for one role."""

    paid: Range
    """Calls that a provider answers; the others repeat an earlier request of the run."""
    input: Range
    output: Range


def count_tokens(role: Role, plan: Plan, measured: Measured) -> RoleTokens:
    """The tokens of the role's calls in the plan, those of answers a provider produces."""
    asked = plan.calls[role]
    if role in ("student", "teacher"):
        return _count_runs(role, plan, measured)
    tokens = measured.tokens.get(role)
    if tokens is None:
        inputs, outputs = _guess(plan, measured)
    else:
        tokens = measured.run_tokens.get(role, tokens)
        # What is rewritten again and again is read and written at the length it has then.
        texts = measured.facts.texts
        longer = plan.text_tokens - texts.tokens if plan.text_tokens is not None and texts else 0.0
        longest = tokens.input + longer + plan.longer_prompts
        inputs = exactly(max(tokens.input / 2, longest)).widened(ROOM)
        outputs = exactly(max(tokens.output / 2, tokens.output + longer)).widened(ROOM)
    return RoleTokens(asked, _times(asked, inputs), _times(asked, outputs))


def _count_runs(role: Role, plan: Plan, measured: Measured) -> RoleTokens:
    """Program runs: each kind of prompts with its length, as far as its requests are new."""
    facts, asked, prompts = measured.facts, plan.calls[role], plan.prompts.get(role, ())
    student = measured.tokens.get("student", _UNMEASURED)
    known = measured.tokens.get(role) if role == "teacher" else None
    runs = sum(part.runs for part in prompts) or 1.0
    text = TEXT_TOKENS if plan.text_tokens is None else plan.text_tokens
    share = weight = longest = 0.0
    for part in prompts:
        new = part.runs / runs * part.new * distinct_share(facts, part.rows or part.runs)
        added = grow_prompt(part, measured, text)
        share += new
        weight += new * (known.input if known else student.input + added)
        longest = max(longest, added)
    per_call = weight / share if share else student.input
    expected = asked.expected * share
    low = asked.low * share * (1 - _REPEAT_ROOM if share < 1 else 1.0)
    if role in measured.paid_shares:
        expected = asked.expected * measured.paid_shares[role]
    if role in measured.run_tokens:
        per_call = measured.run_tokens[role].input
    paid = Range(min(low, expected), expected, asked.high * min(1.0, share + _REPEAT_ROOM))
    paid = Range(paid.low, paid.expected, max(paid.expected, paid.high))
    highest = max(per_call, student.input + longest)
    inputs = Range(min(per_call, student.input), per_call, highest).widened(ROOM)
    output = measured.run_tokens.get(role, known or student).output
    return RoleTokens(paid, _times(paid, inputs), _times(paid, exactly(output).widened(ROOM)))


def grow_prompt(part: Prompts, measured: Measured, text: float) -> float:
    """Input tokens that these prompts add to each call of the program as it is.

    `text` is the length of what the optimizer has written.
    """
    facts = measured.facts
    demos = part.labeled * measured.demo_tokens + part.bootstrapped * measured.trace_tokens
    written = part.replaced * (text - facts.instruction_tokens) + part.appended * text
    return demos + written + part.extra_tokens


def _guess(plan: Plan, measured: Measured) -> tuple[Range, Range]:
    """What the optimizer says its proposer is shown, with rows as long as a labeled demonstration."""
    text = TEXT_TOKENS if plan.text_tokens is None else plan.text_tokens
    row = measured.demo_tokens or measured.tokens.get("student", _UNMEASURED).input
    inputs = plan.shown.fixed + plan.shown.rows * row + measured.facts.instruction_tokens
    low, high = _UNMEASURED_ROOM
    outputs = text + _REASONING_TOKENS
    return (
        Range(low * inputs, inputs, high * inputs),
        Range(low * outputs, outputs, high * outputs),
    )


def _times(one: Range, other: Range) -> Range:
    return Range(one.low * other.low, one.expected * other.expected, one.high * other.high)
