"""Rules of the form "answer `label` when the message mentions …": read from any instruction, and written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .text import GRAMMAR, words

# Words that introduce what a rule looks for: the nearer ones name the words themselves.
_CONDITION = re.compile(r"\b(?:when(?:ever)?|if|where|for)\b", re.IGNORECASE)
_MENTION = re.compile(
    r"\b(?:mention(?:s|ed|ing)?|contain(?:s|ing)?|includ(?:es|ing)|say(?:s|ing)|"
    r"talk(?:s|ing)? about|ask(?:s|ing)? about|"
    r"speak(?:s|ing)? of|about|such as|like|e\.g\.|for example|cover(?:s|ing)|refer(?:s|ring)? to|regarding|"
    r"concern(?:s|ing)|relat(?:es|ed|ing) to|words?(?: like| such as)?)\b[:,]?",
    re.IGNORECASE,
)
_LINK = re.compile(r"\s*(?:[:=(→]|->|=>|—|–|\s-\s|\bmeans\b)")
_ARROW = re.compile(r"→|->|=>")
_HEDGE = re.compile(r"\b(?:perhaps|maybe|possibly|sometimes|lean|might|weakly|less surely)\b", re.IGNORECASE)
_DEFAULT = re.compile(
    r"\b(?:otherwise|by default|defaults? to|in doubt|nothing else|unsure|fall ?back|"
    r"none of (?:these|those|the above))\b",
    re.IGNORECASE,
)
_IGNORE = re.compile(
    r"\b(?:ignore|disregard|pay no attention to|say nothing|tell nothing|carry no meaning)\b[^:]*:?",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|never|n't|avoid|rather than|instead of|over|isn't)\s+(?:\w+\s+){0,2}$", re.IGNORECASE
)
_EXCEPTION = re.compile(r"\b(?:unless|except(?: when| if)?|but not)\b", re.IGNORECASE)
_VALUE = re.compile(
    r"\s*(?:the\s+)?[`\"']?(\w+)[`\"']?\s+(is|are|equals|=)\s+(?!about\b|a\b|an\b|the\b)", re.IGNORECASE
)
_SCOPED = re.compile(r"\s*(?:the\s+)?[`\"']?(\w+)[`\"']?\s+", re.IGNORECASE)
_QUOTED = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|“([^”\n]+)”|(?<!\w)'([^'\n]+)'(?!\w)")
_FOR = re.compile(r"\s*(?:for|in|as|of)(?: the)?(?: field)?\s+", re.IGNORECASE)
_FOR_TAIL = re.compile(r"\s+(?:for|in|as|of)(?: the)?(?: field)?\s+$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'*])")
_ITEM = re.compile(r"[,;/|]|\s+(?:or|and)\s+|\.\s|\.$|\s+\|\s+")
_COUNTED = re.compile(r"\s*\(\d+ examples?\)")
_GIVES = re.compile(
    r"\b(?:answer|choose|include|label(?:ed)?|classify|respond|return|output|say|predict|assign|select|pick|"
    r"lean to)\b"
    r"(?:\s+(?:it|them|as|with|to|the))*\s*$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*•+]|\d+[.)])\s+")
_MARKUP = re.compile(r"^[#*\s>`\"']+|[#*:\s`\"']+$")

HEDGED = 0.5
_LONGEST_ITEM = 5


@dataclass(frozen=True)
class Cue:
    """Words to look for in an input. `exact`: the whole value of the input field has to be these words."""

    words: tuple[str, ...]
    weight: float = 1.0
    field: str | None = None
    exact: bool = False


@dataclass(frozen=True)
class Rule:
    label: str
    cues: tuple[Cue, ...]
    output: str | None = None
    """The output field it is about, where it names one."""


@dataclass(frozen=True)
class RuleBook:
    rules: tuple[Rule, ...] = ()
    ignored: frozenset[str] = frozenset()
    """Words that the text says mean nothing."""
    defaults: Mapping[str | None, str] = field(default_factory=dict)
    """The answer when nothing else fits, by output field."""

    def about(self, *names: str) -> RuleBook:
        """The rules that may speak of an output value that goes by these names."""
        allowed = (None, *names)
        default = next((self.defaults[name] for name in (*names, None) if name in self.defaults), None)
        return RuleBook(
            tuple(rule for rule in self.rules if rule.output in allowed),
            self.ignored,
            {None: default} if default is not None else {},
        )

    @property
    def default(self) -> str | None:
        """The answer when nothing else fits, where no output field is named."""
        return self.defaults.get(None)


@dataclass(frozen=True)
class _Mention:
    label: str
    start: int
    end: int


@lru_cache(maxsize=2048)
def read_rules(
    text: str, labels: tuple[str, ...] | None, outputs: tuple[str, ...] = (), inputs: tuple[str, ...] = ()
) -> RuleBook:
    """Rules in a text. With `labels` None, whatever stands in backquotes where a label would is one."""
    rules: list[Rule] = []
    ignored: set[str] = set()
    defaults: dict[str | None, str] = {}
    pattern = _label_pattern(labels)
    by_text = {label.lower(): label for label in labels or ()}
    heading: str | None = None
    for line in text.splitlines():
        bullet = bool(_BULLET.match(line))
        body = _BULLET.sub("", line).strip()
        if not body:
            heading = heading if bullet else None
            continue
        title = by_text.get(_MARKUP.sub("", body).lower())
        if title is not None:
            heading = title
            continue
        for written in _sentences(body):
            output, sentence = _cut_output(_COUNTED.sub("", written), outputs)
            mentions = _mentions(sentence, labels, pattern, by_text, outputs, inputs)
            if not mentions:
                if found := _IGNORE.search(sentence):
                    ignored.update(
                        word for word in words(sentence[found.end() :] or sentence[: found.start()])
                    )
                elif heading is not None:
                    cues = _cues(
                        _after_trigger(sentence) if _MENTION.search(sentence) else sentence, inputs, 1.0
                    )
                    rules.extend(_rule(heading, cues, output))
                continue
            if not bullet:
                heading = None
            if _DEFAULT.search(sentence):
                defaults[output] = mentions[0].label
                continue
            rules.extend(_read_sentence(sentence, mentions, inputs, output))
    return RuleBook(tuple(rules), frozenset(ignored), defaults)


def _label_pattern(labels: tuple[str, ...] | None) -> re.Pattern[str] | None:
    if not labels:
        return None
    ordered = sorted((label for label in labels if not _is_number(label)), key=len, reverse=True)
    if not ordered:
        return None
    choices = "|".join(re.escape(label) for label in ordered)
    return re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])", re.IGNORECASE)


def _is_number(label: str) -> bool:
    return label.replace(".", "", 1).lstrip("-").isdigit()


def _sentences(body: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(body):
        parts = sentence.split(";")
        quoted = [bool(_QUOTED.search(part)) for part in parts]
        if len(parts) > 1 and sum(quoted) == len(parts):
            yield from parts
        else:
            yield sentence


def _cut_output(sentence: str, outputs: Sequence[str]) -> tuple[str | None, str]:
    """The output field that a sentence names in backquotes, and the sentence without saying so."""
    for name in outputs:
        if (at := sentence.find(f"`{name}`")) >= 0:
            head, tail = sentence[:at], sentence[at + len(name) + 2 :]
            if _FOR.fullmatch(head):
                return name, tail.lstrip(" ,:")
            return name, _FOR_TAIL.sub(" ", head) + tail
    return None, sentence


def _mentions(
    sentence: str,
    labels: tuple[str, ...] | None,
    pattern: re.Pattern[str] | None,
    by_text: Mapping[str, str],
    outputs: Sequence[str],
    inputs: Sequence[str],
) -> list[_Mention]:
    quoted = []
    for found in _QUOTED.finditer(sentence):
        value = next(group for group in found.groups() if group is not None)
        if labels is None:
            given = _GIVES.search(sentence[: found.start()])
            if found.group(1) is not None and given and value not in inputs and value not in outputs:
                quoted.append(_Mention(value, found.start(), found.end()))
        elif value.lower() in by_text:
            quoted.append(_Mention(by_text[value.lower()], found.start(), found.end()))
    if quoted or pattern is None:
        return quoted
    return [
        _Mention(by_text[found.group().lower()], found.start(), found.end())
        for found in pattern.finditer(sentence)
    ]


def _read_sentence(
    sentence: str, mentions: Sequence[_Mention], inputs: Sequence[str], output: str | None
) -> Iterator[Rule]:
    first = mentions[0]
    condition = next((found for found in _CONDITION.finditer(sentence) if _opens(found, first)), None)
    trigger = _first(condition, _MENTION.search(sentence), _ARROW.search(sentence))
    link = _LINK.match(sentence, first.end)
    arrow = _ARROW.search(sentence)
    hedge = HEDGED if _HEDGE.search(sentence[: first.start]) else 1.0
    if arrow and arrow.end() <= first.start:
        yield from _rule(first.label, _cues(sentence[: arrow.start()], inputs, hedge), output)
        return
    if trigger is not None and trigger.start() < first.start:
        # "If the message mentions refund, choose billing": the label ends the rule.
        whole = sentence[: mentions[-1].start]
        cut = max(whole.rfind(","), whole.lower().rfind(" then "), whole.rfind(":"))
        label = next((mention for mention in mentions if mention.start > cut), mentions[-1])
        between = sentence[trigger.start() : label.start]
        if cut > trigger.end():
            between = sentence[trigger.start() : cut]
        yield from _rule(label.label, _cues(_after_trigger(between), inputs, hedge), output)
        return
    if link is not None:
        start, mentions = link.end(), [first]
    elif trigger is not None and trigger.start() >= first.end:
        start = trigger.start()
    else:
        return
    if _all_bare(sentence, mentions):
        mentions = [first]
    main, *exceptions = _EXCEPTION.split(_after_trigger(sentence[start:]))
    for mention in mentions:
        if mention.start >= start:
            continue
        sign = -1.0 if _NEGATION.search(sentence[: mention.start]) else 1.0
        yield from _rule(mention.label, _cues(main, inputs, sign * hedge), output)
        for exception in exceptions:
            yield from _rule(mention.label, _cues(_after_trigger(exception), inputs, -sign * hedge), output)


def _opens(condition: re.Match[str], label: _Mention) -> bool:
    """Whether a word opens a condition: "for" does so only behind the label."""
    return condition.group().lower() != "for" or condition.start() > label.start


def _first(*found: re.Match[str] | None) -> re.Match[str] | None:
    present = [match for match in found if match is not None]
    return min(present, key=lambda match: match.start()) if present else None


def _all_bare(sentence: str, mentions: Sequence[_Mention]) -> bool:
    return all(sentence[mention.start] not in "`\"'“" for mention in mentions)


def _after_trigger(text: str) -> str:
    """What follows "when the message mentions", with the input field that it names kept in front."""
    found = _CONDITION.search(text)
    if found and (found.start() <= 2 or not _MENTION.search(text[: found.start()])):
        return text[found.end() :]
    return text


def _rule(label: str, cues: tuple[Cue, ...], output: str | None) -> Iterator[Rule]:
    if cues:
        yield Rule(label, cues, output)


def _cues(text: str, inputs: Sequence[str], weight: float) -> tuple[Cue, ...]:
    """The words and phrases listed in the condition of a rule."""
    found = _VALUE.match(text)
    if found and found.group(1) in inputs:
        name = found.group(1)
        return tuple(_items(text[found.end() :], weight, name, exact=True))
    name = None
    scoped = _SCOPED.match(text)
    if scoped and scoped.group(1) in inputs:
        name, text = scoped.group(1), text[scoped.end() :]
    if (mention := _MENTION.search(text)) and len(words(text[: mention.start()])) <= 6:
        text = text[mention.end() :]
    return tuple(_items(text, weight, name, exact=False))


def _items(text: str, weight: float, name: str | None, *, exact: bool) -> Iterator[Cue]:
    seen: set[tuple[str, ...]] = set()
    for raw in _ITEM.split(text):
        if found := _HEDGE.search(raw):
            weight, raw = weight * HEDGED, raw[found.end() :]
        content = tuple(word for word in words(raw) if exact or word not in GRAMMAR)
        if not content or len(content) > _LONGEST_ITEM * 2 or content in seen:
            continue
        seen.add(content)
        yield Cue(content[:_LONGEST_ITEM] if not exact else content, weight, name, exact)


def write_rule(rule: Rule, *, many: bool = False) -> list[str]:
    """A rule as sentences that a person and `read_rules` read. `many`: the output is a list of labels."""
    if many:
        head = f"Include `{rule.label}`" + (f" in `{rule.output}`" if rule.output else "")
    else:
        head = (f"For `{rule.output}`, answer" if rule.output else "Answer") + f" `{rule.label}`"
    lines = []
    exact = [cue for cue in rule.cues if cue.exact]
    for name in dict.fromkeys(cue.field for cue in exact):
        values = " or ".join(f"`{' '.join(cue.words)}`" for cue in exact if cue.field == name)
        lines.append(f"{head} when `{name}` is {values}.")
    listed = [cue for cue in rule.cues if not cue.exact]
    for name in dict.fromkeys(cue.field for cue in listed):
        own = [cue for cue in listed if cue.field == name]
        firm = ", ".join(" ".join(cue.words) for cue in own if cue.weight >= 1)
        loose = ", ".join(" ".join(cue.words) for cue in own if cue.weight < 1)
        named = "; perhaps ".join(part for part in (firm, loose) if part) if firm else f"perhaps {loose}"
        lines.append(f"{head} when the {name or 'text'} mentions {named}.")
    return lines
