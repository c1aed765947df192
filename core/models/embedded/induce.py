"""Turns examples into rules: which words speak for which answer, by smoothed log-odds."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .examples import Sighting
from .extract import describe_spans, learn_spans, locate
from .feedback import Answer
from .rules import HEDGED, Cue, Rule, read_rules, write_rule
from .text import GRAMMAR, distinct_words, words

_HEADER = re.compile(r"^Rules learned from (\d+) examples?:[ \t]*$", re.MULTILINE)
_COUNT = re.compile(r"\((\d+) examples?\)")
_DEFAULT = re.compile(r"^When nothing else fits", re.IGNORECASE)
_COPY = re.compile(r"^For `(\w+)`, copy the part of the ", re.IGNORECASE)
_IGNORE = re.compile(r"^Ignore words that say nothing: ")
_BULLET = re.compile(r"^- ")
_FIRM_SUPPORT = 2.0
_FIRM, _LOOSE = 1.5, 1.0
"""Log-odds from which a word is a plain cue, and from which it is a hedged one."""
_GRAMMAR_SUPPORT, _GRAMMAR_ODDS = 3, 2.0
"""What it takes for a word of grammar to be a cue."""
_LONGEST_VALUE = 3
_FEWEST_FOR_DEFAULT = 12
_COPIED_SHARE = 0.6


@dataclass(frozen=True)
class Limits:
    """How much a proposal writes down: cues of each kind a label, words to ignore, and labels."""

    firm: int = 30
    loose: int = 30
    ignored: int = 60
    labels: int = 40


@dataclass
class Knowledge:
    """What is known of one output field: how many examples of each label held each word."""

    output: str
    many: bool = False
    """Whether the output is a list of labels."""
    total: float = 0.0
    sizes: Counter[str] = field(default_factory=Counter)
    support: dict[Cue, defaultdict[str, float]] = field(default_factory=dict)
    holders: defaultdict[Cue, float] = field(default_factory=lambda: defaultdict(float))
    """Examples that hold a word, whatever their label."""
    ignored: set[str] = field(default_factory=set)
    copied: list[tuple[Sighting, str]] = field(default_factory=list)
    """Examples whose answer is a piece of the input."""
    copy_lines: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.sizes or self.copied or self.copy_lines)

    def add_example(self, sighting: Sighting, answer: Answer, short_fields: Collection[str]) -> None:
        labels = [answer] if isinstance(answer, str) else list(answer)
        self.many = self.many or not isinstance(answer, str)
        self.total += 1
        self.sizes.update(labels)
        for cue in _cues_in(sighting, short_fields):
            self._support(cue, dict.fromkeys(labels, 1.0), 1.0)

    def add_rule(self, rule: Rule, examples: int) -> None:
        """Take up a rule written earlier: a plain cue stood in at least two examples, a hedged one in one."""
        self.sizes[rule.label] += examples
        for cue in rule.cues:
            seen = _FIRM_SUPPORT if cue.weight >= 1 else 1.0
            self._support(Cue(cue.words, 1.0, cue.field, cue.exact), {rule.label: seen}, seen)

    def add_knowledge(self, other: Knowledge, examples: float) -> None:
        """Take up what was learnt from other examples, so many in number."""
        if other.empty:
            return
        self.many = self.many or other.many
        self.total += examples
        self.sizes.update(other.sizes)
        for cue, held in other.support.items():
            self._support(cue, held, other.holders[cue])
        self.ignored |= other.ignored
        self.copied += other.copied
        self.copy_lines += other.copy_lines

    def _support(self, cue: Cue, held: Mapping[str, float], holders: float) -> None:
        support = self.support.setdefault(cue, defaultdict(float))
        for label, count in held.items():
            support[label] += count
        self.holders[cue] += holders

    def log_odds(self, cue: Cue, label: str) -> float:
        """log of P(cue | label) over P(cue | other labels), half an example added to each count."""
        held, size = self.support[cue][label], self.sizes[label]
        other, rest = max(0.0, self.holders[cue] - held), max(0.0, self.total - size)
        return math.log((held + 0.5) / (max(size, held) + 1)) - math.log(
            (other + 0.5) / (max(rest, other) + 1)
        )


def _cues_in(sighting: Sighting, short_fields: Collection[str]) -> set[Cue]:
    only = next(iter(sighting.inputs)) if len(sighting.inputs) == 1 else None
    cues: set[Cue] = set()
    for name, text in sighting.inputs.items():
        if name not in short_fields:
            cues.update(Cue((word,), 1.0, only) for word in distinct_words(text))
        elif value := words(text):
            cues.add(Cue(value, 1.0, name, exact=True))
    return cues


def _short_fields(sightings: Sequence[Sighting]) -> frozenset[str]:
    """Of several input fields those whose values are a word or a few: they are matched whole."""
    names = dict.fromkeys(name for sighting in sightings for name in sighting.inputs)
    if len(names) < 2:
        return frozenset()
    lengths = {
        name: max(len(words(sighting.inputs.get(name, ""))) for sighting in sightings) for name in names
    }
    return frozenset(name for name, length in lengths.items() if length <= _LONGEST_VALUE)


def split_instruction(text: str) -> tuple[str, str]:
    """An instruction without the rules that were learnt earlier, and those rules."""
    base: list[str] = []
    learnt: list[str] = []
    inside = False
    for line in text.splitlines():
        if _HEADER.match(line):
            inside = True
        elif line.strip() and not _BULLET.match(line.strip()):
            inside = False
        (learnt if inside else base).append(line)
    return "\n".join(base).strip(), "\n".join(learnt).strip()


def read_knowledge(text: str, outputs: Sequence[str], inputs: Sequence[str]) -> dict[str, Knowledge]:
    """What rules written earlier say, by output field. A rule that names no field is about the only one."""
    known = {name: Knowledge(name) for name in outputs}
    alone = outputs[0] if len(outputs) == 1 else None
    for raw in text.splitlines():
        line = _BULLET.sub("", raw.strip())
        if not line or _HEADER.match(line) or _DEFAULT.match(line):
            continue
        if copied := _COPY.match(line):
            if copied.group(1) in known:
                known[copied.group(1)].copy_lines.append(line)
        elif _IGNORE.match(line):
            for each in known.values():
                each.ignored.update(words(_IGNORE.sub("", line)))
        else:
            _read_rule_line(line, known, alone, tuple(inputs))
    total = float(sum(int(found.group(1)) for found in _HEADER.finditer(text)))
    for each in known.values():
        each.total = max(total, 0.0 if each.many else float(sum(each.sizes.values())))
    return known


def _read_rule_line(
    line: str, known: dict[str, Knowledge], alone: str | None, inputs: tuple[str, ...]
) -> None:
    counted = _COUNT.search(line)
    examples = int(counted.group(1)) if counted else 1
    for rule in read_rules(line, None, tuple(known), inputs).rules:
        knowledge = known.get(rule.output or alone or "")
        if knowledge is not None:
            knowledge.many = knowledge.many or line.startswith("Include")
            knowledge.add_rule(rule, examples)
            examples = 0


def learn(known: dict[str, Knowledge], sightings: Sequence[Sighting]) -> None:
    """Add examples to what is known, in place."""
    short_fields = _short_fields(sightings)
    for name in dict.fromkeys(name for sighting in sightings for name in sighting.outputs):
        knowledge = known.setdefault(name, Knowledge(name))
        answers = [(sighting, sighting.outputs[name]) for sighting in sightings if name in sighting.outputs]
        if not knowledge.sizes and _are_copied(answers):
            knowledge.copied += [
                (sighting, answer) for sighting, answer in answers if isinstance(answer, str)
            ]
        else:
            for sighting, answer in answers:
                knowledge.add_example(sighting, answer, short_fields)


def _are_copied(answers: Sequence[tuple[Sighting, Answer]]) -> bool:
    """Whether answers are pieces of the inputs rather than labels: found there, and odd or all different."""
    found = [
        answer
        for sighting, answer in answers
        if isinstance(answer, str) and locate(answer, sighting.inputs) is not None
    ]
    if not found or len(found) < _COPIED_SHARE * len(answers):
        return False
    odd = sum(any(not c.isalpha() for c in answer) for answer in found)
    return 2 * odd >= len(found) or (len(found) >= 4 and len(set(found)) >= 0.8 * len(found))


def ignored_words(knowledge: Knowledge, most: int = Limits.ignored) -> list[str]:
    """Words that stood with several answers and speak for none, the commonest first."""
    found = dict.fromkeys(knowledge.ignored, math.inf)
    for cue, held in knowledge.support.items():
        if cue.exact or len(cue.words) != 1 or knowledge.holders[cue] < 2:
            continue
        if all(knowledge.log_odds(cue, label) < _LOOSE for label in held):
            found[cue.words[0]] = knowledge.holders[cue]
    return sorted(found, key=lambda word: (-found[word], word))[:most]


def _ranked_cues(knowledge: Knowledge) -> dict[str, list[Cue]]:
    """The cues of each label, those that say most first, weighted as they are to be written."""
    chosen: dict[str, list[tuple[float, Cue]]] = defaultdict(list)
    for cue, held in knowledge.support.items():
        if not cue.exact and len(cue.words) == 1 and cue.words[0] in knowledge.ignored:
            continue
        grammar = not cue.exact and GRAMMAR.issuperset(cue.words)
        for label, count in held.items():
            odds = knowledge.log_odds(cue, label)
            if grammar and (odds < _GRAMMAR_ODDS or count < _GRAMMAR_SUPPORT):
                continue
            firm = cue.exact or (odds >= _FIRM and count >= _FIRM_SUPPORT)
            only_here = knowledge.holders[cue] <= count and odds > 0
            if firm or odds >= _LOOSE or only_here:
                written = Cue(cue.words, 1.0 if firm else HEDGED, cue.field, cue.exact)
                chosen[label].append((odds * min(count, _GRAMMAR_SUPPORT), written))
    return {
        label: [cue for _, cue in sorted(cues, key=lambda pair: (-pair[0], pair[1].words))]
        for label, cues in chosen.items()
    }


def _rule_lines(knowledge: Knowledge, limits: Limits, *, scope: bool) -> Iterator[str]:
    ranked = _ranked_cues(knowledge)
    for label, count in knowledge.sizes.most_common(limits.labels):
        cues = ranked.get(label, [])
        firm = [cue for cue in cues if cue.weight >= 1][: limits.firm]
        loose = [cue for cue in cues if cue.weight < 1][: limits.loose]
        if not firm and not loose:
            continue
        rule = Rule(label, (*firm, *loose), knowledge.output if scope or knowledge.many else None)
        for at, line in enumerate(write_rule(rule, many=knowledge.many)):
            yield f"{line} ({_examples(0 if at else count)})"
    if knowledge.total >= _FEWEST_FOR_DEFAULT and not knowledge.many and len(knowledge.sizes) > 1:
        (label, most), (_, second) = knowledge.sizes.most_common(2)
        if most > second:
            where = f" for `{knowledge.output}`" if scope else ""
            yield f"When nothing else fits{where}, answer `{label}`."


def _examples(count: int) -> str:
    return f"{count} example{'' if count == 1 else 's'}"


def _copy_line(knowledge: Knowledge) -> str | None:
    if not knowledge.copied:
        return knowledge.copy_lines[0] if knowledge.copy_lines else None
    pairs = [(sighting.inputs, answer) for sighting, answer in knowledge.copied]
    model = learn_spans(pairs, knowledge.copy_lines)
    source = max(model.sources, key=lambda name: model.sources[name]) if model.sources else None
    return describe_spans(knowledge.output, source, model)


def write_lines(known: Mapping[str, Knowledge], limits: Limits, *, scope: bool | None = None) -> str:
    """Rules as lines that begin with a dash; empty when nothing is known.

    `scope`: whether each names its output field; by default where several fields are known.
    """
    filled = [knowledge for knowledge in known.values() if not knowledge.empty]
    scope = len(filled) > 1 if scope is None else scope
    lines: list[str] = []
    for knowledge in filled:
        if copied := _copy_line(knowledge):
            lines.append(copied)
        lines.extend(_rule_lines(knowledge, limits, scope=scope))
    shared = [set(ignored_words(knowledge, limits.ignored)) for knowledge in filled if knowledge.sizes]
    if lines and shared and (ignored := sorted(set.intersection(*shared))):
        lines.append(f"Ignore words that say nothing: {', '.join(ignored)}.")
    return "\n".join(f"- {line}" for line in lines)


def write_block(known: Mapping[str, Knowledge], limits: Limits = Limits()) -> str:
    """The rules under a line that says from how many examples; empty when nothing is known."""
    lines = write_lines(known, limits)
    if not lines:
        return ""
    total = max(knowledge.total + len(knowledge.copied) for knowledge in known.values())
    return f"Rules learned from {_examples(round(total))}:\n{lines}"


def join_instruction(base: str, block: str) -> str:
    return f"{base}\n\n{block}".strip() if block else base
