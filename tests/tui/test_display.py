"""What a person sees of a run, as pure functions of its state and through each display."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace

import msgspec
import orjson
import pytest
from rich.console import Console

from core.runs import events as ev
from core.runs.reduce import RunState, reduce_all
from tests.support.stories import ending, story
from tui.display import open_display
from tui.display.activity import recent
from tui.display.live import LiveDisplay
from tui.display.panel import render_run, sparkline
from tui.display.plain import PlainDisplay
from tui.display.progress import best_full, fraction_done, seconds_left, totals

START = 1_800_000_000.0


def _state(*events: ev.Event) -> RunState:
    given = events or tuple(story())
    stamped = [msgspec.structs.replace(event, seq=n, t=START + n) for n, event in enumerate(given)]
    return reduce_all(stamped)


def _text(state: RunState, width: int = 80, height: int = 24, leaves_run: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False, markup=False)
    console.print(
        render_run(state, title="router", now=START + 30, width=width, height=height, leaves_run=leaves_run)
    )
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_live_view_answers_what_how_far_how_long_what_cost_and_how_to_stop() -> None:
    text = " ".join(_text(_state()).split())
    for said in (
        "GEPA router",
        "running",
        "30 s",
        "trial 2 of 4",
        "minibatch 2/4",
        "38 %",
        "left",
        "baseline 25.0 %",
        "best 75.0 %",
        "+50.0 points cbbbbbbbbbb",
        "student",
        "reflection",
        "310k",
        "$0.2468 of $5.00",
        "30 s of 15 min",
        "hello from the optimizer",
        "ctrl+c stops and keeps the best",
    ):
        assert said in text, f"{said!r} not in\n{text}"


@pytest.mark.parametrize("size", [(80, 24), (160, 48), (60, 16), (40, 10), (20, 6), (8, 3)])
@pytest.mark.parametrize("events", [[], story(), [*story(), *ending()]], ids=["empty", "running", "ended"])
def test_the_live_view_fits_the_terminal(size: tuple[int, int], events: list[ev.Event]) -> None:
    state = _state(*events) if events else RunState()
    lines = _text(state, *size).splitlines()
    assert len(lines) <= max(2, size[1] - 1)
    assert all(len(line) <= size[0] for line in lines)


def test_a_minibatch_score_never_stands_as_the_best() -> None:
    state = _state(
        *story(), ev.BestChanged(candidate="cccccccccc", score=1.0, kind="minibatch", split="train")
    )
    text = " ".join(_text(state, 100).split())
    assert "best 75.0 %" in text
    assert "cccccccccc has 100.0 % on a train minibatch" in text
    assert best_full(state) == (0.75, "cbbbbbbbbbb")


@pytest.mark.parametrize(
    ("status", "leaves", "said"),
    [
        ("stopping", False, "ctrl+c again kills"),
        ("paused", False, "runs resume"),
        ("running", True, "the run goes on"),
    ],
)
def test_the_last_line_says_what_ctrl_c_does(status: str, leaves: bool, said: str) -> None:
    state = msgspec.structs.replace(_state(), status=status)
    assert said in _text(state, leaves_run=leaves).splitlines()[-1]


def test_hostile_words_do_not_reach_the_terminal_through_the_live_view() -> None:
    bad = "\x1b]0;X\x07\x9b31m\u202e[/nope][bold\n\n"
    events = [
        *story(optimizer=bad),
        ev.LogLine(message=bad),
        ev.Proposal(component=bad, text=bad, accepted=False, reason=bad),
        ev.LmCalls(roles={bad: story()[11].roles["student"]}),  # type: ignore[attr-defined]
        ev.TrialStarted(trial=3, note=bad),
        ev.BestChanged(candidate=bad, score=1.0, kind="full", split="val"),
    ]
    text = _text(_state(*events), 100, 40)
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "[/nope][bold" in text


def test_progress_counts_trials_or_the_optimizers_own_budget() -> None:
    state = _state()
    assert fraction_done(state) == pytest.approx((1 + 0.5) / 4)
    assert fraction_done(msgspec.structs.replace(state, trial_fraction=0.9)) == 0.9
    assert fraction_done(msgspec.structs.replace(state, trials_total=None)) is None
    assert fraction_done(msgspec.structs.replace(state, phase="baseline")) == 0.0
    assert fraction_done(msgspec.structs.replace(state, phase="final")) == 1.0


def test_the_time_left_follows_the_pace_and_is_silent_while_it_would_be_a_guess() -> None:
    state = _state()
    began = state.phases["compile"]
    assert seconds_left(state, began + 30) == pytest.approx(30 * (1 - 0.375) / 0.375)
    assert seconds_left(msgspec.structs.replace(state, trial=1, evaluation=None), began + 30) is None
    assert seconds_left(msgspec.structs.replace(state, trials_total=None), began + 30) is None


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    ledger = _state().ledger
    assert totals(ledger).usd == pytest.approx(0.2468)
    assert totals({**ledger, "judge": {**ledger["student"], "usd": None}}).usd is None


def test_the_latest_activity_is_the_end_of_all_of_it() -> None:
    state = _state()
    assert recent(state, 3) == recent(state)[-3:]
    texts = [entry.text for entry in recent(state)]
    assert texts == [
        "scoring the program as it is",
        "baseline: 25.0 % on 8 val rows, caaaaaaaaaa",
        "compiling with GEPA",
        "route: accepted: Sort by topic.",
        "trial 1: 75.0 % on 8 val rows, 1 errored, cbbbbbbbbbb, the best so far",
        "a row is empty",
        "hello from the optimizer",
    ]


def test_plain_lines_tell_each_thing_once(capsys: pytest.CaptureFixture[str]) -> None:
    events = [*story(), *ending()]
    with PlainDisplay() as display:
        for end in range(1, len(events) + 1):
            display.show(_state(*events[:end]))
        display.show(msgspec.structs.replace(_state(*story()), status="paused"))
        display.show(msgspec.structs.replace(_state(*story()), status="stopping"))
    lines = [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == len(set(lines))
    assert "compiling with GEPA" in lines
    assert "warning: a row is empty" in lines
    assert lines[-1].startswith("stopping")


def test_phases_that_pass_between_two_looks_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainDisplay() as display:
        display.show(_state(*story(), ev.PhaseChanged(phase="final"), *ending()))
    lines = [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines.index("scoring the program as it is") < lines.index("compiling with GEPA")
    assert lines.index("compiling with GEPA") < lines.index("scoring the best on all of val and test")


def test_plain_lines_say_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    state = _state()
    with PlainDisplay() as display:
        display.show(state)
        capsys.readouterr()
        clock += 20
        display.show(state)
        display.show(state)
    (line,) = capsys.readouterr().out.splitlines()
    assert "trial 2 of 4" in line
    assert "38 %" in line
    assert "$0.2468" in line


def test_json_lines_are_one_object_each(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with open_display("json", title="", as_json=True, leaves_run=False) as display:
        for end in range(1, len(story())):
            display.show(_state(*story()[:end]))
    lines = [orjson.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert {line["phase"] for line in lines} == {"", "baseline", "compile"}
    assert lines[-1]["best"]["candidate"] == "cbbbbbbbbbb"


def test_the_live_display_starts_draws_and_leaves_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveDisplay(title="router", stderr=True, leaves_run=False) as display:
        display.show(_state())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("kind", "tty", "as_json", "wanted"),
    [
        (None, True, False, "LiveDisplay"),
        (None, False, False, "PlainDisplay"),
        (None, True, True, "NoDisplay"),
        ("plain", True, True, "PlainDisplay"),
        ("none", True, False, "NoDisplay"),
        ("json", True, False, "JsonDisplay"),
    ],
)
def test_the_display_suits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, kind: str | None, tty: bool, as_json: bool, wanted: str
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: tty)
    display = open_display(kind, title="", as_json=as_json, leaves_run=False)  # type: ignore[arg-type]
    assert type(display).__name__ == wanted


def test_a_sparkline_spans_its_values() -> None:
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([0.3, 0.3]) == "▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize(("term", "kind"), [("dumb", PlainDisplay), ("xterm-256color", LiveDisplay)])
def test_a_terminal_that_cannot_go_back_gets_plain_lines(
    monkeypatch: pytest.MonkeyPatch, term: str, kind: type
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    assert type(open_display(None, title="", as_json=False, leaves_run=False)) is kind
