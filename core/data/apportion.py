"""Whole numbers from fair shares: rounding a vector or a table so that its sums stay exact."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

_ROUNDS = 50
_COVER = 10.0
_EPSILON = 1e-9


def share_out(shares: Sequence[float], total: int) -> list[int]:
    """Shares that add up to about `total`, rounded by largest remainder so that they add up exactly."""
    floors = [math.floor(share + _EPSILON) for share in shares]
    order = sorted(range(len(shares)), key=lambda i: shares[i] - floors[i], reverse=True)
    for position in order[: max(total - sum(floors), 0)]:
        floors[position] += 1
    return floors


def fill(wanted: Sequence[Sequence[float]], rows: Sequence[int], columns: Sequence[int]) -> list[list[float]]:
    """The table nearest to `wanted` whose row sums are exactly `rows` and column sums near `columns`.

    Iterative proportional fitting (Deming and Stephan, 1940); a row that wants nothing takes the columns'.
    """
    spare = [max(need, 0) + _EPSILON for need in columns]
    table = [list(row) if sum(row) > _EPSILON else list(spare) for row in wanted]
    for _ in range(_ROUNDS):
        sums = [sum(column) for column in zip(*table, strict=True)]
        scale = [need / got if got > _EPSILON else 1.0 for need, got in zip(columns, sums, strict=True)]
        if all(abs(s - 1) < 1e-12 for s in scale):
            break
        table = [[cell * s for cell, s in zip(row, scale, strict=True)] for row in table]
        table = [
            [cell * total / got for cell in row] if (got := sum(row)) > _EPSILON else _spread(spare, total)
            for row, total in zip(table, rows, strict=True)
        ]
    return [
        [cell * total / sum(row) for cell in row] if sum(row) > _EPSILON else _spread(spare, total)
        for row, total in zip(table, rows, strict=True)
    ]


def _spread(spare: Sequence[float], total: int) -> list[float]:
    return [total * share / sum(spare) for share in spare]


def round_matrix(table: Sequence[Sequence[float]], covered: Sequence[Sequence[bool]]) -> list[list[int]]:
    """Every cell rounded up or down so that row sums (whole numbers) and column sums (rounded) are exact.

    Such a rounding always exists (the constraints are those of a flow). The one taken leaves fewest cells
    empty that could hold something (`covered` cells already do), then is nearest to the table: a minimum-cost
    flow, found by mending each row's own best choice along cheapest paths between columns.
    """
    floors = [[math.floor(cell + _EPSILON) for cell in row] for row in table]
    parts = len(table[0])
    costs = [
        [
            math.inf if cell - low < _EPSILON else low - cell - (_COVER if low == 0 and not full else 0.0)
            for cell, low, full in zip(row, lows, fulls, strict=True)
        ]
        for row, lows, fulls in zip(table, floors, covered, strict=True)
    ]
    chosen: list[set[int]] = []
    for row, lows, cost in zip(table, floors, costs, strict=True):
        extra = round(sum(row)) - sum(lows)
        chosen.append(set(sorted(range(parts), key=lambda part: cost[part])[:extra]))
    sums = [sum(column) for column in zip(*table, strict=True)]
    targets = share_out(sums, round(sum(sums)))
    surplus = [
        sum(lows[part] for lows in floors) + sum(part in ups for ups in chosen) - targets[part]
        for part in range(parts)
    ]
    _Mender(costs, chosen, parts).balance(surplus)
    return [
        [low + (part in ups) for part, low in enumerate(lows)]
        for lows, ups in zip(floors, chosen, strict=True)
    ]


class _Mender:
    """Moves single round-ups between columns, by cheapest paths, until no column has a surplus."""

    def __init__(self, costs: list[list[float]], chosen: list[set[int]], parts: int) -> None:
        self._costs = costs
        self._chosen = chosen
        self._parts = parts
        self._heaps: list[list[list[tuple[float, int]]]] = [[[] for _ in range(parts)] for _ in range(parts)]
        for row in range(len(costs)):
            self._offer(row)

    def _offer(self, row: int) -> None:
        cost = self._costs[row]
        for giver in self._chosen[row]:
            for taker in range(self._parts):
                if taker not in self._chosen[row] and math.isfinite(cost[taker]):
                    heapq.heappush(self._heaps[giver][taker], (cost[taker] - cost[giver], row))

    def _cheapest(self, giver: int, taker: int) -> tuple[float, int]:
        heap = self._heaps[giver][taker]
        while heap:
            _, row = heap[0]
            if giver in self._chosen[row] and taker not in self._chosen[row]:
                return heap[0]
            heapq.heappop(heap)
        return math.inf, -1

    def balance(self, surplus: list[int]) -> None:
        while any(extra > 0 for extra in surplus):
            path = self._find_path(surplus)
            if path is None:
                return
            for giver, taker in path:
                _, row = self._cheapest(giver, taker)
                self._chosen[row].remove(giver)
                self._chosen[row].add(taker)
                self._offer(row)
            surplus[path[0][0]] -= 1
            surplus[path[-1][1]] += 1

    def _find_path(self, surplus: list[int]) -> list[tuple[int, int]] | None:
        """Bellman-Ford over the few columns, from any with a surplus to the nearest with room."""
        distance = [0.0 if extra > 0 else math.inf for extra in surplus]
        before: list[int | None] = [None] * self._parts
        edges = {
            (a, b): self._cheapest(a, b)[0] for a in range(self._parts) for b in range(self._parts) if a != b
        }
        for _ in range(self._parts):
            for (giver, taker), cost in edges.items():
                if distance[giver] + cost < distance[taker] - _EPSILON:
                    distance[taker], before[taker] = distance[giver] + cost, giver
        open_parts = [
            part for part in range(self._parts) if surplus[part] < 0 and math.isfinite(distance[part])
        ]
        if not open_parts:
            return None
        path, taker = [], min(open_parts, key=lambda part: distance[part])
        while (giver_ := before[taker]) is not None:
            path.append((giver_, taker))
            taker = giver_
        return path[::-1]
