"""What the Runs place says of a run: pure functions of its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.models.journal import RecordedCall
from core.runs import events as ev
from core.runs.listing import RunSummary
from core.runs.reduce import RunState, reduce_all
from tests.support.stories import LEDGER_ROW, ending, story
from tui.follower import RateMeter, Rates, Snapshot
from tui.panes.runs.limits import NewLimits, parse_limits
from tui.panes.runs.log_lines import Narrator
from tui.panes.runs.progress import problem_of
from tui.panes.runs.progress_lines import progress_lines, sparkline
from tui.panes.runs.rows import RunRow, age, call_line, condense, run_line, step_line, steps_of
from tui.panes.runs.series import series_of
from tui.panes.runs.spend_lines import spend_lines, summary_lines
from tui.panes.runs.strip import choose_panes
from tui.widgets.tones import Line, cut_spans, width_of


def text_of(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def stamped(events: list[ev.Event]) -> list[ev.Event]:
    return [replace(event, seq=number, t=1_000.0 + number) for number, event in enumerate(events, start=1)]


def snapshot(events: list[ev.Event], rates: Rates = Rates(), **changes: Any) -> Snapshot:
    state = replace(reduce_all(stamped(events)), **changes)
    return Snapshot(
        Path("/w/.compilot/runs/r"), state, 1_030.0, rates, (), (), 8, state.optimizer, True, True
    )


def test_a_bootstrapping_optimizer_is_not_silent() -> None:
    """Some optimizers make calls for a minute before their first trial."""
    before_trials = [*story("MIPROv2")[:6], ev.LmCalls(roles={"student": LEDGER_ROW, "teacher": LEDGER_ROW})]
    busy = Rates(42.0, (("student", 2.0), ("teacher", 40.0)), ())
    told = text_of(progress_lines(snapshot(before_trials, busy), 90))
    assert "before the first trial: the teacher makes demonstrations, 40 calls/s" in told
    assert "known with the first trial" in told
    quiet = text_of(progress_lines(snapshot(before_trials), 90))
    assert "no calls at the moment" in quiet
    proposing = Rates(1.0, (("proposer", 1.0),), ())
    assert "the proposer writes instructions" in text_of(
        progress_lines(snapshot(before_trials, proposing), 90)
    )


def test_where_there_is_little_room_the_optimizers_own_count_comes_first() -> None:
    noted = snapshot([*story()[:6], ev.TrialStarted(trial=17, note="1,093 of 1,272 metric calls used")])
    wide, narrow = (text_of(progress_lines(noted, width)) for width in (120, 76))
    assert "trial 17 · 0 program runs · 1,093 of 1,272 metric calls used" in wide
    assert "trial 17 · 1,093 of 1,272 metric calls used" in narrow
    assert text_of(progress_lines(noted, 50)).splitlines()[1].endswith("final  trial 17")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("paused", "r goes on"),
        ("stopping", "the best so far is kept"),
        ("pending", "its process starts"),
    ],
)
def test_what_a_person_asked_for_is_told(status: str, told: str) -> None:
    assert told in text_of(progress_lines(snapshot(story(), status=status), 90))


def test_a_stop_at_the_budget_says_so() -> None:
    events = [*story(), *ending("stopped", "budget")]
    told = text_of(progress_lines(snapshot(events), 90))
    assert "stopped at its budget" in told


def test_lines_fit_their_room() -> None:
    shot = snapshot(story(), Rates(1_234.0, (("student", 1_234.0),), tuple(float(n) for n in range(60))))
    for width in (30, 34, 44, 76, 110):
        for lines in (progress_lines(shot, width), spend_lines(shot, width), summary_lines(shot, width)):
            for line in lines:
                assert width_of(cut_spans(line, width)) <= width


def test_spend_without_caps_prices_or_calls() -> None:
    unknown = {"student": {**LEDGER_ROW, "usd": None}}
    told = text_of(spend_lines(snapshot([*story(), ev.LmCalls(roles=unknown)], caps={}), 44))
    assert "unknown" in told
    assert "no cap is set" in told
    assert text_of(spend_lines(snapshot(story()[:3], caps={}), 44)).startswith("no calls yet")
    priced_cap = text_of(spend_lines(snapshot([*story(), ev.LmCalls(roles=unknown)]), 44))
    assert "unknown of $5.00" in priced_cap


def test_full_and_minibatch_scores_are_never_mixed() -> None:
    mini = ev.EvaluationEnded(evaluation="m", kind="minibatch", split="train", score=1.0, size=3)
    test = ev.EvaluationEnded(evaluation="t", kind="full", split="test", score=0.9, size=9)
    series = series_of(reduce_all(stamped([*story(), mini, test])))
    assert series.full == ((1.0, 25.0), (2.0, 75.0))
    assert series.minibatch == ((3.0, 100.0),)
    assert series.best[-1] == (3.0, 75.0), "the best so far knows full scores only"
    assert series.baseline == 25.0
    assert (series.low, series.high) == (20.0, 100.0)
    assert series_of(RunState()).end == 10.0


def test_very_many_minibatches_are_thinned_and_the_axis_grows_in_steps() -> None:
    minis = [
        ev.EvaluationEnded(evaluation=f"m{number}", kind="minibatch", split="val", score=0.5, size=3)
        for number in range(2_000)
    ]
    series = series_of(reduce_all(stamped([*story(), *minis])))
    assert len(series.minibatch) == 300
    assert len(series.full) == 2
    assert series.end >= 2_002


def test_candidates_and_rejections_newest_first() -> None:
    rejected = ev.Proposal(component="route", text="worse", accepted=False, reason="no better")
    steps = steps_of(reduce_all(stamped([*story(), rejected])))
    assert [step.key for step in steps] == ["p1", "cbbbbbbbbbb", "caaaaaaaaaa"]
    shown = [text_of([step_line(step, 80)]) for step in steps]
    assert "no better" in shown[0]
    assert "★ cbbbbbbbbbb" in shown[1]
    assert "+50.0" in shown[1]
    assert "← caaaaaaaaaa" in shown[1]


def test_a_best_of_minibatches_is_labelled_in_the_list() -> None:
    run = RunSummary(
        run_id="r", status="running", stop_reason=None, optimizer="BootstrapFewShotWithRandomSearch",
        phase="compile", baseline=0.2, best=1.0, best_kind="minibatch", seconds=1.0, started=1.0,
        calls=5, usd=None,
    )  # fmt: skip
    for width in (34, 44, 76):
        line = run_line(RunRow(run, "5m"), width)
        assert width_of(line) <= width
        assert "mini" in text_of([line])
        assert all(tone != "good" or "●" in text or "running" in text for text, tone in line)


def test_ages() -> None:
    assert [age(seconds) for seconds in (-5, 59, 60, 3_599, 3_600, 86_400)] == [
        "0s",
        "59s",
        "1m",
        "59m",
        "1h",
        "1d",
    ]


def test_an_answer_on_one_line() -> None:
    answer = "[[ ## reasoning ## ]]\nIt is\n\nso.\n\n[[ ## team ## ]]\nnetwork\n\n[[ ## completed ## ]]\n"
    assert condense(answer) == "reasoning: It is so. team: network"
    call = RecordedCall(
        seq=7, key="k", index=0, role="student", model="m", input_tokens=1_200, output_tokens=None,
        cached_input_tokens=None, usd=None, latency=0.5, at=0.0, attempts=3,
        response={"message": {"parts": [{"type": "text", "text": answer}]}},
    )  # fmt: skip
    told = text_of([call_line(call, 100)])
    assert "1.2k→?" in told
    assert "3 attempts" in told
    assert "team: network" in told


def test_events_are_told_as_lines() -> None:
    told = [line.text for line in Narrator().tell(stamped([*story(), *ending("failed", "failed")]))]
    assert told[0] == "run r begins"
    assert "trial 1: 75.0 % on 8 val rows, 1 errored, best so far (+50.0), cbbbbbbbbbb" in told
    assert "a row is empty: fill it" in told
    assert told[-1].startswith("failed after 1 min 15 s")
    again = Narrator().tell([ev.RunStarted(run_id="r", attempt=2, optimizer="GEPA", recipe_hash="h")])
    assert "nothing is paid twice" in next(iter(again)).text
    limits = Narrator().tell([ev.LimitsChanged(caps={"usd": 2.0, "calls": 1e6}, threads=3)])
    assert (
        next(iter(limits)).text
        == "limits changed: capped at $2.00, 1,000,000 calls, at most 3 calls in flight"
    )


def test_speed_is_what_was_asked_lately() -> None:
    meter = RateMeter()
    for second in range(20):
        meter.note(100.0 + second, {"student": 40 * second, "reflection": second})
    rates = meter.read(119.0)
    assert rates.calls == pytest.approx(41.0)
    assert dict(rates.by_role) == pytest.approx({"student": 40.0, "reflection": 1.0})
    assert meter.read(126.0).calls == 0, "nothing was asked for five seconds"
    assert sum(rates.history) == pytest.approx(19 * 41)
    fresh = RateMeter()
    fresh.note(500.0, {"student": 9_000})
    assert fresh.read(500.5).calls == 0, "what came before the first look is no speed"
    assert sparkline((0.0, 1.0, 8.0), 3) == " ▁█"


def test_an_end_that_needs_a_person() -> None:
    dead = problem_of(snapshot(story(), status="dead", detail="gone", fix="`compilot runs resume r`"))
    assert dead is not None
    assert dead.fix.startswith("press r")
    assert problem_of(snapshot([*story(), *ending()])) is None
    failed = problem_of(snapshot(story(), status="failed", detail="bad", where="data.csv", fix="mend row 3"))
    assert failed is not None
    assert (failed.what, failed.where, failed.fix) == ("bad", "data.csv", "mend row 3; then press r")


def test_what_is_typed_as_limits() -> None:
    good = parse_limits({"usd": "$2.50", "calls": "1,000", "tokens": "", "minutes": " 5 ", "threads": "4"})
    assert isinstance(good, NewLimits)
    assert (good.budget.usd, good.budget.calls, good.budget.tokens, good.num_threads) == (2.5, 1_000, None, 4)
    for wrong in ({"usd": "x"}, {"calls": "1.5"}, {"minutes": "-1"}, {"threads": ""}, {"usd": "nan"}):
        texts = {"usd": "", "calls": "", "tokens": "", "minutes": "", "threads": "4", **wrong}
        assert isinstance(parse_limits(texts), str)


def test_which_panes_are_on_screen() -> None:
    assert choose_panes("-narrow", "calls") == (
        frozenset({"calls"}),
        ("progress", "candidates", "calls", "log"),
    )
    assert "log" in choose_panes("-normal", "progress")[0]
    assert choose_panes("-wide", "candidates")[0] == {"progress", "spend", "candidates", "log"}
