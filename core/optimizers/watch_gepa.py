"""Sees GEPA through its own callbacks (iterations, proposals, parents, front) and dspy's (scores by row)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import dspy

from .base import CompileInputs
from .watch import Devset, EvaluationWatch

Event = Mapping[str, Any]
_Self = TypeVar("_Self", bound="GepaEvents")


class GepaWatch(EvaluationWatch):
    """Evaluations of GEPA's candidates, with the parents that GEPA's callbacks tell beforehand."""

    def __init__(self, inputs: CompileInputs) -> None:
        super().__init__(inputs, origin="GEPA")
        self._parents_of: dict[int, tuple[list[str], str]] = {}
        self._next: tuple[list[str], str] = ([], "the program as it is")
        self._ids: dict[tuple[tuple[str, str], ...], str] = {}
        self.last_score: float | None = None
        self.last_kind: Devset | None = None
        self.last_candidate: str | None = None

    def expect(self, examples: Sequence[dspy.Example], parents: list[str], origin: str) -> None:
        """The program scored next on these examples, if it is new, comes from these parents."""
        self._next = (parents, origin)
        self._parents_of[id(examples)] = self._next

    def note_candidate(self, program: dspy.Module, examples: Sequence[dspy.Example]) -> str:
        parents, origin = self._parents_of.pop(id(examples), self._next)
        candidate = self.observer.candidate(program, parents=parents, origin=origin)
        self._ids[_components_key(_instructions(program))] = candidate
        return candidate

    def evaluated(self, candidate: str, score: float | None, devset: Devset) -> None:
        self.last_score, self.last_kind, self.last_candidate = score, devset, candidate

    def id_of(self, components: Mapping[str, str]) -> str:
        """The id of a GEPA candidate, which is a text per component; it was evaluated before."""
        return self._ids.get(_components_key(components), "")


def _told(method: Callable[[_Self, Event], None]) -> Callable[[_Self, Event], None]:
    """gepa swallows what its callbacks raise: tell it instead."""

    @functools.wraps(method)
    def told(self: _Self, event: Event) -> None:
        with self.watch.reported(f"GEPA's {method.__name__}"):
            method(self, event)

    return told


class GepaEvents:
    """gepa's callbacks: an iteration is a trial, the first scoring of the seed program is trial 0."""

    def __init__(self, watch: GepaWatch) -> None:
        self.watch = watch
        self._ids: list[str] = []
        self._proposals: dict[str, str] = {}
        self._parent = ""
        self._budget: int | None = None
        self._front: dict[str, list[str]] = {}

    @_told
    def on_optimization_start(self, event: Event) -> None:
        self.watch.observer.trial_started(0, note="the program as it is, on the val split")

    @_told
    def on_valset_evaluated(self, event: Event) -> None:
        candidate = self.watch.id_of(event["candidate"])
        while len(self._ids) <= event["candidate_idx"]:
            self._ids.append("")
        self._ids[event["candidate_idx"]] = candidate
        if event["iteration"] == 0:
            self.watch.observer.trial_ended(0, score=self.watch.last_score, kind="full", candidate=candidate)

    @_told
    def on_iteration_start(self, event: Event) -> None:
        self._proposals = {}
        self._tell_front(event["state"])
        budget = f" of {self._budget:,}" if self._budget is not None else ""
        used = event["state"].total_num_evals
        self.watch.observer.trial_started(
            event["iteration"],
            fraction=min(1.0, used / self._budget) if self._budget else None,
            note=f"{used:,}{budget} metric calls used",
        )

    @_told
    def on_iteration_end(self, event: Event) -> None:
        watch = self.watch
        self._tell_front(event["state"])
        kind = watch.last_kind.kind if watch.last_kind is not None else None
        watch.observer.trial_ended(
            event["iteration"], score=watch.last_score, kind=kind, candidate=watch.last_candidate
        )

    @_told
    def on_evaluation_start(self, event: Event) -> None:
        parents = [self._ids[index] for index in event["parent_ids"]]
        origin = "merge" if len(parents) > 1 else "reflection"
        if event["candidate_idx"] is None:
            self.watch.expect(event["inputs"], parents, origin)

    @_told
    def on_evaluation_skipped(self, event: Event) -> None:
        reasons = {
            "all_scores_perfect": "every row of the minibatch was answered perfectly, so nothing to improve",
            "no_trajectories": "no row of the minibatch could be run",
        }
        reason = reasons.get(event["reason"], event["reason"])
        self.watch.observer.log(f"iteration {event['iteration']}: no proposal, {reason}")

    @_told
    def on_proposal_start(self, event: Event) -> None:
        self._parent = self.watch.id_of(event["parent_candidate"])

    @_told
    def on_proposal_end(self, event: Event) -> None:
        self._proposals.update(event["new_instructions"])

    @_told
    def on_candidate_rejected(self, event: Event) -> None:
        self._tell_proposals(accepted=False, reason=event["reason"])

    @_told
    def on_candidate_accepted(self, event: Event) -> None:
        self._tell_proposals(
            accepted=True, reason=f"{event['new_score']:g} on its minibatch, better than its parent"
        )

    @_told
    def on_merge_attempted(self, event: Event) -> None:
        self._parent = ",".join(self._ids[index] for index in event["parent_ids"])
        self._proposals = dict(event["merged_candidate"])

    @_told
    def on_merge_rejected(self, event: Event) -> None:
        self._tell_proposals(accepted=False, reason=event["reason"])

    @_told
    def on_budget_updated(self, event: Event) -> None:
        if event["metric_calls_remaining"]:
            self._budget = event["metric_calls_used"] + event["metric_calls_remaining"]

    @_told
    def on_error(self, event: Event) -> None:
        self.watch.observer.log(f"iteration {event['iteration']}: {event['exception']}", level="error")

    @_told
    def on_optimization_end(self, event: Event) -> None:
        self._tell_front(event["final_state"])

    def _tell_proposals(self, *, accepted: bool, reason: str) -> None:
        """What was proposed in this iteration, once it is known what became of it."""
        for component, text in self._proposals.items():
            self.watch.observer.proposal(
                component=component, text=text, accepted=accepted, reason=reason, parent=self._parent
            )
        self._proposals = {}

    def _tell_front(self, state: Any) -> None:
        """The best candidates by val row (or by objective), when they changed."""
        front = {
            str(key): [self._ids[index] for index in sorted(best)]
            for key, best in state.get_pareto_front_mapping().items()
        }
        if front != self._front:
            self._front = front
            self.watch.observer.pareto(front)


def _components_key(components: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(components.items()))


def _instructions(program: dspy.Module) -> dict[str, str]:
    from dspy.teleprompt.gepa.gepa_flex_utils import enumerate_flex_submodules

    components = {name: predictor.signature.instructions for name, predictor in program.named_predictors()}
    for path, flex in enumerate_flex_submodules(program).items():
        components[path] = flex.module_src
    return components
