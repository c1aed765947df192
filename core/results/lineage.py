"""Where each candidate came from: the tree of a run's candidates, merges and all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ..runs.reduce import Candidate


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate in the tree. Scores are fractions from 0 to 1."""

    id: str
    number: int
    """As `runs show` counts them, from 1."""
    origin: str
    parents: tuple[str, ...]
    """Those that are candidates of the run; a merge has two."""
    missing: tuple[str, ...] = ()
    """Parents that the run does not know."""
    parent: str | None = None
    """The one it hangs under: the first parent that closes no circle."""
    children: tuple[str, ...] = ()
    """Those that hang under it, in the order they came."""
    depth: int = 0
    val: float | None = None
    """Its full score on val; None where it never had one."""
    size: int = 0
    errors: int = 0
    minibatch: float | None = None
    """Mean over its minibatches, never comparable with a full score."""
    minibatch_rows: int = 0

    @property
    def other_parents(self) -> tuple[str, ...]:
        return tuple(parent for parent in self.parents if parent != self.parent)


class Lineage(msgspec.Struct, frozen=True):
    """Every candidate of a run, each once."""

    nodes: dict[str, Node]
    roots: tuple[str, ...]

    def walk(self) -> Iterator[Node]:
        """Each node once, parents before children, in the order of the tree."""
        waiting = [self.nodes[root] for root in reversed(self.roots)]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(self.nodes[child] for child in reversed(node.children))

    def path(self, candidate: str) -> list[Node]:
        """From the root down to the candidate, along the parents it hangs under; empty where unknown."""
        found = []
        node = self.nodes.get(candidate)
        while node is not None:
            found.append(node)
            node = self.nodes[node.parent] if node.parent is not None else None
        return found[::-1]

    def ancestors(self, candidate: str) -> list[str]:
        """All of them, through every parent of a merge, nearest first; never the candidate itself."""
        seen: dict[str, None] = {}
        waiting = list(self.nodes[candidate].parents) if candidate in self.nodes else []
        while waiting:
            one = waiting.pop(0)
            if one != candidate and one not in seen:
                seen[one] = None
                waiting.extend(self.nodes[one].parents)
        return list(seen)


def build_lineage(candidates: Sequence[Candidate]) -> Lineage:
    """The tree of a run's candidates. Unknown parents are told apart, circles are cut where they close."""
    known = {candidate.id: candidate for candidate in candidates}
    parents = {
        one.id: tuple(dict.fromkeys(p for p in one.parents if p in known and p != one.id))
        for one in known.values()
    }
    hangs = _choose_parents(parents)
    children: dict[str, list[str]] = {one: [] for one in known}
    for child, parent in hangs.items():
        if parent is not None:
            children[parent].append(child)
    roots = tuple(one for one in known if hangs[one] is None)
    depths = _depths(roots, children)
    nodes = {
        one.id: _node(number, one, parents[one.id], known, hangs[one.id], children[one.id], depths[one.id])
        for number, one in enumerate(known.values(), start=1)
    }
    return Lineage(nodes, roots)


def minibatch_mean(candidate: Candidate) -> tuple[float | None, int]:
    """Mean over the rows of the minibatches that a candidate was scored on, and how many rows."""
    scored = [s for s in candidate.scores if s.kind == "minibatch" and s.value is not None]
    rows = sum(score.size - score.errors for score in scored)
    if not rows:
        return None, 0
    return sum((s.value or 0.0) * (s.size - s.errors) for s in scored) / rows, rows


def _choose_parents(parents: Mapping[str, Iterable[str]]) -> dict[str, str | None]:
    hangs: dict[str, str | None] = {}
    for child, given in parents.items():
        hangs[child] = next((parent for parent in given if not _leads_to(hangs, parent, child)), None)
    return hangs


def _leads_to(hangs: Mapping[str, str | None], start: str, target: str) -> bool:
    """Whether going up from `start` comes to `target`."""
    one: str | None = start
    while one is not None and one != target:
        one = hangs.get(one)
    return one == target


def _depths(roots: Iterable[str], children: Mapping[str, Sequence[str]]) -> dict[str, int]:
    depths: dict[str, int] = {}
    level = list(roots)
    depth = 0
    while level:
        depths.update(dict.fromkeys(level, depth))
        level = [child for one in level for child in children[one]]
        depth += 1
    return depths


def _node(
    number: int,
    candidate: Candidate,
    parents: tuple[str, ...],
    known: Mapping[str, Candidate],
    parent: str | None,
    children: Iterable[str],
    depth: int,
) -> Node:
    full = next((s for s in reversed(candidate.scores) if s.kind == "full" and s.split == "val"), None)
    mean, rows = minibatch_mean(candidate)
    return Node(
        id=candidate.id,
        number=number,
        origin=candidate.origin,
        parents=parents,
        missing=tuple(dict.fromkeys(p for p in candidate.parents if p not in known)),
        parent=parent,
        children=tuple(children),
        depth=depth,
        val=full.value if full else None,
        size=full.size if full else 0,
        errors=full.errors if full else 0,
        minibatch=mean,
        minibatch_rows=rows,
    )
