"""Turns examples into rules: which words speak for which answer, by smoothed log-odds."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from .examples import Sighting
from .extract import describe_spans, learn_spans, locate
from .feedback import Answer
from .rules import Cue, Rule, read_rules, write_rule
from .text import GRAMMAR, distinct_words, words

HEADER = "Rules learned from examples"
_HEADER_LINE = re.compile(r"^Rules learned from (\d+) examples?:[ \t]*$", re.MULTILINE)
_COUNT = re.compile(r"\((\d+) examples?\)")
_DEFAULT_LINE = re.compile(r"^When nothing else fits", re.IGNORECASE)
_COPY_LINE = re.compile(r"^For `(\w+)`, copy the part of the ", re.IGNORECASE)
_IGNORE_LINE = re.compile(r"^Ignore words that say nothing: ")
_BULLET = re.compile(r"^- ")
_FIRM_SUPPORT = 2.0
_FIRM, _LOOSE = 1.5, 1.0
"""Log-odds from which a word is a plain cue, and from which it is a hedged one."""
_LONGEST_VALUE = 3
_FEWEST_FOR_DEFAULT = 12


@dataclass(frozen=True)
class Limits:
    """How much a proposal writes down."""

    firm: int = 30
    loose: int = 30
    ignored: int = 60
    labels: int = 40


@dataclass
class Knowledge:
    """What is known of one output field: how many examples of each label held each word."""

    output: str
    many: bool = False
    total: float = 0.0
    sizes: Counter[str] = field(default_factory=Counter)
    support: dict[Cue, Counter[str]] = field(default_factory=dict)
    holders: Counter[Cue] = field(default_factory=Counter)
    """Examples that hold a word, whatever their label."""
    ignored: set[str] = field(default_factory=set)
    copied: list[tuple[Sighting, str]] = field(default_factory=list)
    copy_lines: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.sizes and not self.copied and not self.copy_lines

    def add(self, sighting: Sighting, short_fields: Collection[str]) -> None:
        answer = sighting.outputs.get(self.output)
        if answer is None:
            return
        labels = [answer] if isinstance(answer, str) else list(answer)
        self.many = self.many or not isinstance(answer, str)
        self.total += 1
        self.sizes.update(labels)
        for cue in _cues_in(sighting, short_fields):
            self.holders[cue] += 1
            self.support.setdefault(cue, Counter()).update(labels)

    def recall(self, rule: Rule, examples: float) -> None:
        """Take up a rule written earlier: a plain cue stood in at least two examples, a hedged one in one."""
        self.sizes[rule.label] += examples
        for cue in rule.cues:
            seen = _FIRM_SUPPORT if cue.weight >= 1 else 1.0
            bare = Cue(cue.words, 1.0, cue.field, cue.exact)
            self.support.setdefault(bare, Counter())[rule.label] += seen
            self.holders[bare] += seen

    def log_odds(self, cue: Cue, label: str) -> float:
        """log of P(cue | label) over P(cue | other labels), half an example added to each count."""
        held, size = self.support[cue][label], self.sizes[label]
        other, rest = max(0.0, self.holders[cue] - held), max(0.0, self.total - size)
        return math.log((held + 0.5) / (max(size, held) + 1)) - math.log(
            (other + 0.5) / (max(rest, other) + 1)
        )


def _cues_in(sighting: Sighting, short_fields: Collection[str]) -> set[Cue]:
    name = next(iter(sighting.inputs)) if len(sighting.inputs) == 1 else None
    cues = set()
    for field_name, text in sighting.inputs.items():
        if field_name in short_fields:
            if value := words(text):
                cues.add(Cue(value, 1.0, field_name, True))
            continue
        cues.update(Cue((word,), 1.0, name, False) for word in distinct_words(text))
    return cues


def short_fields_of(sightings: Sequence[Sighting]) -> frozenset[str]:
    """Input fields whose values are a word or a few: they are matched whole."""
    if not sightings:
        return frozenset()
    names = sightings[0].inputs.keys()
    if len(names) < 2:
        return frozenset()
    return frozenset(
        name
        for name in names
        if all(len(words(sighting.inputs.get(name, ""))) <= _LONGEST_VALUE for sighting in sightings)
    )


def split_instruction(text: str) -> tuple[str, str]:
    """An instruction without the rules that were learnt earlier, and those rules."""
    base, learnt = [], []
    inside = False
    for line in text.splitlines():
        if _HEADER_LINE.match(line):
            inside = True
        elif inside and not _BULLET.match(line.strip()) and line.strip():
            inside = False
        (learnt if inside else base).append(line)
    return "\n".join(base).strip(), "\n".join(learnt).strip()


def read_knowledge(text: str, outputs: Sequence[str], inputs: Sequence[str]) -> dict[str, Knowledge]:
    """What rules written earlier say, by output field. A rule that names no field is about the only one."""
    known: dict[str, Knowledge] = {name: Knowledge(name) for name in outputs}
    alone = outputs[0] if len(outputs) == 1 else None
    total = sum(int(found.group(1)) for found in _HEADER_LINE.finditer(text))
    for raw in text.splitlines():
        line = _BULLET.sub("", raw.strip())
        if not line or _HEADER_LINE.match(line) or _DEFAULT_LINE.match(line):
            continue
        if copied := _COPY_LINE.match(line):
            if copied.group(1) in known:
                known[copied.group(1)].copy_lines.append(line)
            continue
        if _IGNORE_LINE.match(line):
            for each in known.values():
                each.ignored.update(words(_IGNORE_LINE.sub("", line)))
            continue
        counted = _COUNT.search(line)
        examples = float(counted.group(1)) if counted else 1.0
        book = read_rules(_COUNT.sub("", line), None, tuple(outputs), tuple(inputs))
        for rule in book.rules:
            name = rule.output or alone
            if name in known:
                known[name].many = known[name].many or line.startswith("Include")
                known[name].recall(rule, examples)
                examples = 0.0
    for each in known.values():
        each.total = max(float(total), 0.0 if each.many else float(sum(each.sizes.values())))
    return known


def learn(known: dict[str, Knowledge], sightings: Sequence[Sighting]) -> None:
    """Add examples to what is known, in place."""
    short = short_fields_of(sightings)
    names = dict.fromkeys(name for sighting in sightings for name in sighting.outputs)
    for name in names:
        knowledge = known.setdefault(name, Knowledge(name))
        answers = [(sighting, sighting.outputs[name]) for sighting in sightings if name in sighting.outputs]
        if _is_copied(answers) and not knowledge.sizes:
            knowledge.copied.extend(
                (sighting, answer) for sighting, answer in answers if isinstance(answer, str)
            )
            continue
        for sighting, _ in answers:
            knowledge.add(sighting, short)


def _is_copied(answers: Sequence[tuple[Sighting, Answer]]) -> bool:
    """Whether answers are pieces of the inputs rather than labels."""
    texts = [(sighting, answer) for sighting, answer in answers if isinstance(answer, str)]
    found = [answer for sighting, answer in texts if locate(answer, sighting.inputs) is not None]
    if len(found) < 0.6 * len(answers) or not found:
        return False
    odd = sum(any(not c.isalpha() for c in answer) for answer in found)
    return 2 * odd >= len(found) or (len(found) >= 4 and len(set(found)) >= 0.8 * len(found))


def write_lines(
    knowledge: Knowledge, limits: Limits, stop: Collection[str] = (), *, scope: bool = False
) -> list[str]:
    """Rules of one output field. `stop`: words to leave out unless much speaks for them."""
    lines = [line for line in (_copy_line(knowledge),) if line]
    chosen: dict[str, list[tuple[float, Cue]]] = {}
    for cue, held in knowledge.support.items():
        if not cue.exact and (cue.words[0] in knowledge.ignored and len(cue.words) == 1):
            continue
        common = not cue.exact and all(word in stop or word in GRAMMAR for word in cue.words)
        for label in held:
            odds = knowledge.log_odds(cue, label)
            firm = odds >= _FIRM and held[label] >= _FIRM_SUPPORT
            if common and not (odds >= 2.0 and held[label] >= 3):
                continue
            alone = knowledge.holders[cue] <= held[label]
            if firm or odds >= _LOOSE or (alone and odds > 0):
                weight = 1.0 if firm or cue.exact else 0.5
                chosen.setdefault(label, []).append(
                    (odds * min(held[label], 3.0), Cue(cue.words, weight, cue.field, cue.exact))
                )
    for label, _ in knowledge.sizes.most_common(limits.labels):
        ranked = [cue for _, cue in sorted(chosen.get(label, []), key=lambda pair: (-pair[0], pair[1].words))]
        firm_cues = [cue for cue in ranked if cue.weight >= 1][: limits.firm]
        loose_cues = [cue for cue in ranked if cue.weight < 1][: limits.loose]
        if not firm_cues and not loose_cues:
            continue
        rule = Rule(
            label, tuple(firm_cues + loose_cues), knowledge.output if scope or knowledge.many else None
        )
        count = round(knowledge.sizes[label])
        first, *others = write_rule(rule, many=knowledge.many).split("\n")
        lines.append(f"{first} ({count} example{'' if count == 1 else 's'})")
        lines.extend(f"{other} (0 examples)" for other in others)
    if knowledge.total >= _FEWEST_FOR_DEFAULT and not knowledge.many and len(knowledge.sizes) > 1:
        (label, most), (_, second) = knowledge.sizes.most_common(2)
        if most > second:
            lines.append(
                f"When nothing else fits, answer `{label}`."
                if not scope
                else f"When nothing else fits for `{knowledge.output}`, answer `{label}`."
            )
    return lines


def ignored_words(knowledge: Knowledge, limits: Limits) -> list[str]:
    """Words that stood with several answers and speak for none."""
    found = Counter({word: math.inf for word in knowledge.ignored})
    for cue, held in knowledge.support.items():
        if cue.exact or len(cue.words) != 1 or knowledge.holders[cue] < 2:
            continue
        if all(knowledge.log_odds(cue, label) < _LOOSE for label in held):
            found[cue.words[0]] = knowledge.holders[cue]
    return [word for word, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[: limits.ignored]]


def _copy_line(knowledge: Knowledge) -> str | None:
    if knowledge.copied:
        pairs = [(sighting.inputs, answer) for sighting, answer in knowledge.copied]
        model = learn_spans(pairs, knowledge.copy_lines)
        source = max(model.sources, key=lambda name: model.sources[name]) if model.sources else None
        return describe_spans(knowledge.output, source, model)
    return knowledge.copy_lines[0] if knowledge.copy_lines else None


def write_block(
    known: dict[str, Knowledge], limits: Limits, stop: Collection[str] = (), *, header: bool = True
) -> str:
    """All rules as a block of lines; empty when nothing is known."""
    filled = [knowledge for knowledge in known.values() if not knowledge.empty]
    scope = len(filled) > 1
    lines = [line for knowledge in filled for line in write_lines(knowledge, limits, stop, scope=scope)]
    if not lines:
        return ""
    shared = [set(ignored_words(knowledge, limits)) for knowledge in filled if knowledge.sizes]
    ignored = sorted(set.intersection(*shared)) if shared else []
    if ignored:
        lines.append(f"Ignore words that say nothing: {', '.join(ignored)}.")
    total = round(max(knowledge.total + len(knowledge.copied) for knowledge in filled))
    head = [f"{HEADER.replace('examples', '')}{total} example{'' if total == 1 else 's'}:"] if header else []
    return "\n".join([*head, *(f"- {line}" for line in lines)])
