"""Chooses a label for a text by what demonstrations and rules in the prompt say. Knows nothing else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .rules import RuleBook
from .text import distinct_words, hash_parts, unit_interval, words

_SMOOTHING = 4.0
"""Strength of the pull of a label's word frequencies towards those of all demonstrations."""
_RULE_WEIGHT = 2.5
"""Log-odds that one plain cue word of a rule is worth."""
_LENGTH_POWER = 0.85
"""How far a label with many cue words is held back: one of them turns up by chance more easily."""
_UNRULED = 2.0
"""Log-odds of a label that nothing is known of, where rules speak of others: about one hedged cue."""
_NAME_WEIGHT = 1.5
"""Log-odds of the label's own name standing in the text."""
_DEFAULT_WEIGHT = 0.5
_MARKS = ("!", "?")

Pair = tuple[Mapping[str, str], int]
"""Input texts by field, and the index of the right label."""


def features(inputs: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a text is judged by: (field, word), each once."""
    found: list[tuple[str, str]] = []
    for name, text in inputs.items():
        found.extend((name, word) for word in distinct_words(text))
        found.extend((name, mark) for mark in _MARKS if mark in text)
    return found


@dataclass(frozen=True)
class Judgement:
    scores: tuple[float, ...]
    """Unnormalized log-probabilities, one a label."""
    evidence: tuple[tuple[str, ...], ...]
    """For each label the words that spoke for it, strongest first."""

    @property
    def informed(self) -> bool:
        return any(self.evidence)


class LabelModel:
    """Naive Bayes over demonstrations, plus cue words from rules.

    A word's worth for a label is log((d + s·p) / (D + s)) - log p: d of the label's D demonstrations hold it,
    p is its smoothed share of all demonstrations, s the smoothing; times the share of all that lack the word.
    A label without demonstrations is neither favoured nor punished.
    """

    def __init__(self, labels: Sequence[str], pairs: Sequence[Pair], book: RuleBook) -> None:
        self.labels = tuple(labels)
        self._pairs_seen = len(pairs)
        self._base = self._priors(pairs, book)
        self._ignored = book.ignored
        self._counts, self._totals, self._sizes = self._count(pairs)
        self._cues, self._phrases = self._read_cues(book)
        self._names = [words(label) for label in labels]
        self._worth: dict[tuple[str, str], tuple[float, ...] | None] = {}

    def _priors(self, pairs: Sequence[Pair], book: RuleBook) -> list[float]:
        sizes = Counter(label for _, label in pairs)
        total = len(pairs) + len(self.labels)
        base = (
            [math.log((sizes[at] + 1) / total) for at in range(len(self.labels))]
            if pairs
            else [0.0] * len(self.labels)
        )
        if book.default in self.labels:
            base[self.labels.index(book.default)] += _DEFAULT_WEIGHT
        return base

    def _count(
        self, pairs: Sequence[Pair]
    ) -> tuple[dict[tuple[str, str], Counter[int]], Counter[tuple[str, str]], list[int]]:
        counts: dict[tuple[str, str], Counter[int]] = {}
        totals: Counter[tuple[str, str]] = Counter()
        sizes = [0] * len(self.labels)
        for inputs, label in pairs:
            sizes[label] += 1
            for feature in features(inputs):
                totals[feature] += 1
                counts.setdefault(feature, Counter())[label] += 1
        return counts, totals, sizes

    def _read_cues(
        self, book: RuleBook
    ) -> tuple[
        dict[str, list[tuple[str | None, int, float]]],
        list[tuple[str | None, bool, tuple[str, ...], int, float]],
    ]:
        """Single cue words by word, and phrases; a cue shared by labels is worth less to each of them."""
        index = {label: at for at, label in enumerate(self.labels)}
        weights: dict[tuple[str | None, bool, tuple[str, ...], int], float] = {}
        for rule in book.rules:
            if rule.label not in index:
                continue
            for cue in rule.cues:
                key = (cue.field, cue.exact, cue.words, index[rule.label])
                held = weights.get(key, 0.0)
                weights[key] = cue.weight if abs(cue.weight) > abs(held) else held
        sharers: Counter[tuple[str, ...]] = Counter()
        lengths = [0.0] * len(self.labels)
        for (_, exact, cue_words, label), weight in weights.items():
            sharers[cue_words] += 1
            lengths[label] += 0.0 if exact else abs(weight)
        ruled = [length for length in lengths if length]
        mean = sum(ruled) / len(ruled) if ruled else 1.0
        if ruled:
            for at, length in enumerate(lengths):
                self._base[at] += 0.0 if length or self._sizes[at] else _UNRULED
        singles: dict[str, list[tuple[str | None, int, float]]] = {}
        phrases = []
        for (name, exact, cue_words, label), weight in weights.items():
            shared = sharers[cue_words]
            rarity = 1.0 if shared == 1 else max(0.0, 1 - shared / max(len(self.labels), 2))
            length = 1.0 if exact or not lengths[label] else (mean / lengths[label]) ** _LENGTH_POWER
            worth = weight * rarity * length * _RULE_WEIGHT * (1.5 if exact else 1.0)
            if len(cue_words) == 1 and not exact:
                singles.setdefault(cue_words[0], []).append((name, label, worth))
            else:
                phrases.append((name, exact, cue_words, label, worth))
        return singles, phrases

    @property
    def taught(self) -> bool:
        """Whether the prompt says anything of these labels."""
        return bool(self._pairs_seen or self._cues or self._phrases)

    def judge(self, inputs: Mapping[str, str]) -> Judgement:
        scores = list(self._base)
        spoke: list[dict[str, float]] = [{} for _ in self.labels]
        cued: set[str] = set()
        for feature in features(inputs):
            name, word = feature
            if word in self._ignored:
                continue
            worth = self._worth_of(feature)
            if worth is not None:
                for at, value in enumerate(worth):
                    scores[at] += value
                    if value > 0:
                        spoke[at][word] = spoke[at].get(word, 0.0) + value
            if word in self._cues and word not in cued:
                for field, at, value in self._cues[word]:
                    if field is None or field == name or field not in inputs:
                        scores[at] += value
                        cued.add(word)
                        if value > 0:
                            spoke[at][word] = spoke[at].get(word, 0.0) + value
        self._add_phrases(inputs, scores, spoke)
        self._add_names(inputs, scores, spoke)
        evidence = tuple(tuple(sorted(said, key=lambda word: (-said[word], word))[:4]) for said in spoke)
        return Judgement(tuple(scores), evidence)

    def _worth_of(self, feature: tuple[str, str]) -> tuple[float, ...] | None:
        if feature not in self._counts:
            return None
        worth = self._worth.get(feature)
        if worth is None:
            share = (self._totals[feature] + 0.5) / (self._pairs_seen + 1)
            held = self._counts[feature]
            worth = tuple(
                math.log((held[at] + _SMOOTHING * share) / (size + _SMOOTHING)) - math.log(share)
                if size
                else 0.0
                for at, size in enumerate(self._sizes)
            )
            self._worth[feature] = worth
        return worth

    def _add_phrases(
        self, inputs: Mapping[str, str], scores: list[float], spoke: list[dict[str, float]]
    ) -> None:
        for field, exact, phrase, at, value in self._phrases:
            texts = [inputs[field]] if field is not None and field in inputs else list(inputs.values())
            if exact:
                share = float(any(words(text) == phrase for text in texts))
            else:
                held = max(
                    (sum(word in distinct_words(text) for word in phrase) for text in texts), default=0
                )
                share = 1.0 if held == len(phrase) else 0.5 * held / len(phrase)
            if share:
                scores[at] += value * share
                if value > 0:
                    spoke[at][" ".join(phrase)] = value * share

    def _add_names(
        self, inputs: Mapping[str, str], scores: list[float], spoke: list[dict[str, float]]
    ) -> None:
        for at, name in enumerate(self._names):
            if name and any(all(word in distinct_words(text) for word in name) for text in inputs.values()):
                scores[at] += _NAME_WEIGHT
                spoke[at][" ".join(name)] = _NAME_WEIGHT


def choose(scores: Sequence[float], temperature: float, seed: int, *salt: object) -> int:
    """The best score's index; with a temperature, one drawn from the softmax. Ties are broken by the seed."""
    if temperature <= 0:
        return max(
            range(len(scores)), key=lambda at: (round(scores[at], 9), hash_parts(seed, "tie", at, *salt))
        )
    top = max(scores)
    weights = [math.exp((score - top) / temperature) for score in scores]
    mark = unit_interval(seed, "draw", *salt) * sum(weights)
    for at, weight in enumerate(weights):
        mark -= weight
        if mark < 0:
            return at
    return len(scores) - 1
