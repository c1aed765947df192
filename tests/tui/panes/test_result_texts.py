"""What the Results place says, without a screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recipe import DataSpec
from core.results.front import RowBest
from core.results.leaderboard import Entry, Place
from core.results.lineage import Node
from core.results.prompts import PromptLine, Span, diff_prompts
from core.results.significance import Interval
from core.runs.folder import RunFolder
from core.workspace import Workspace
from tests.support.results import (
    CHILD,
    INSTRUCTIONS,
    MERGED,
    OTHER,
    SEED,
    make_result_run,
    make_state,
    write_evaluation,
)
from tests.support.results import make_rows as rows
from tui.panes.results.board import head_line, run_line
from tui.panes.results.candidates import label_node
from tui.panes.results.front import row_line, sort_rows
from tui.panes.results.loading import (
    BoardReader,
    Target,
    has_news,
    is_code,
    list_targets,
    load_run,
    next_target,
)
from tui.panes.results.prompt_text import describe_line, describe_prompt
from tui.panes.results.summary import describe_exported, describe_interval_bar, describe_run, describe_tested
from tui.widgets.fitted import hang


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.init_sample("router", tmp_path / "w")


def entry(**more: object) -> Entry:
    given_: dict[str, object] = {
        "run_id": "261101-100000-gepa-aaaa",
        "optimizer": "BootstrapFewShotWithRandomSearch",
        "status": "completed",
        "candidate": "c1",
        "baseline": 0.2,
        "val": 0.7,
        "test": 0.6,
        "usd": 1.5,
        "seconds": 75.0,
    }
    return Entry(**{**given_, **more})  # type: ignore[arg-type]


def text_of(spans: object) -> str:
    return "".join(text for text, _ in spans)  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [34, 40, 50, 62, 96, 120])
def test_columns_of_the_board_stand_under_their_names(width: int) -> None:
    head = text_of(head_line(width))
    line = text_of(run_line(Place(entry=entry(), rank=1, group=1), width))
    assert len(head) <= width
    assert head.index("val") + 3 == line.index("70.0 %") + 6
    assert head.index("gain") + 4 == line.index("+50.0") + 5
    if "test" in head:
        assert head.index("test") + 4 == line.index("60.0 %") + 6
    if "spent" in head:
        assert head.index("spent") + 5 == line.index("$1.50") + 5


def test_what_cannot_be_ranked_looks_so() -> None:
    apart = text_of(run_line(Place(entry=entry(), rank=1, group=2), 60))
    assert apart.startswith(" ≠")
    small = text_of(run_line(Place(entry=entry(val=None, minibatch=0.9), rank=None, group=1), 60))
    assert small.startswith(" –")
    assert "~90 %" in small
    unknown = text_of(run_line(Place(entry=entry(usd=None), rank=1, group=1), 90))
    assert "unknown" in unknown
    live = text_of(run_line(Place(entry=entry(status="running", optimizer="GEPA"), rank=1, group=1), 60))
    assert "GEPA running" in live
    failed = text_of(run_line(Place(entry=entry(status="failed"), rank=1, group=1), 120))
    assert failed.endswith("failed")


def test_a_candidate_in_one_line() -> None:
    node = Node(
        id=MERGED,
        number=4,
        origin="merge\x1b[2J",
        parents=(CHILD, OTHER),
        parent=CHILD,
        missing=("gone",),
        val=0.5,
        errors=2,
    )
    text = label_node(node, best=True, pinned=True).plain
    assert text == (f" 50.0 % best, pinned {MERGED} 2 errored merge\ufffd[2J + {OTHER} from unknown gone")
    small = label_node(Node(id=MERGED, number=1, origin="", parents=(), minibatch=0.5), short=True).plain
    assert small.split() == ["~50", "%", MERGED[:7]]


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(10, 60))
def test_a_score_stands_inside_its_interval(first: float, second: float, width: int) -> None:
    low, high = sorted((first, second))
    bar = describe_interval_bar((low + high) / 2, Interval(low, high, "wilson"), width)
    assert len(bar) == width
    assert bar.count("●") == 1
    if "├" in bar and "┤" in bar:
        assert bar.index("├") < bar.index("●") < bar.index("┤")


def test_copied_words_are_marked_letter_for_letter_even_among_hostile_ones() -> None:
    line = PromptLine("+", "\u202ea\x1b copied words z", leaks=(Span(4, 16, 0),), since=CHILD)
    content = describe_line(line, MERGED)
    assert content.plain == f"! a\ufffd copied words z  ‹ {CHILD}"
    marked = [
        content.plain[span.start : span.end] for span in content.spans if "underline" in str(span.style)
    ]
    assert "copied words" in marked


def test_a_prompt_tells_what_was_copied_and_how_it_grew() -> None:
    row = {"message": "The radiator in my office does not get warm."}
    (change,) = diff_prompts(
        make_state(INSTRUCTIONS[SEED]),
        make_state(INSTRUCTIONS[MERGED], [{"augmented": True, "message": "x", "team": "y"}]),
        rows={"train": [row]},
    )
    text = "\n".join(part.plain for part in describe_prompt(change, MERGED, 60))
    assert "! The radiator in my office does not get warm: facilities." in text
    assert "! train row 0  The radiator in my office does not get warm" in text
    assert "Demonstrations new  1" in text
    assert "augmented" not in text
    whole = "\n".join(part.plain for part in describe_prompt(change, MERGED, 60, whole=True))
    assert whole.startswith("route  271 characters") or "characters" in whole.splitlines()[0]


@settings(deadline=None)
@given(st.text(st.sampled_from("ab ")), st.integers(12, 40))
def test_long_lines_hang_and_lose_no_word(text: str, width: int) -> None:
    from textual.content import Content

    hung = hang(Content(f"+ {text}"), width)
    assert (
        hung.plain.replace("\n", " ").split() == f"+ {text}".split()
        or len(max(text.split(), key=len)) > width - 4
    )
    assert all(len(line.rstrip()) <= width for line in hung.plain.splitlines())


def test_targets_are_the_baseline_the_parents_and_what_is_marked(workspace: Workspace) -> None:
    view = load_run(make_result_run(workspace))
    marked = Target("the marked one", view.path, CHILD)
    targets = list_targets(view, MERGED, marked)
    assert [(one.label, one.candidate) for one in targets] == [
        ("the baseline", SEED),
        ("its parent 1 of 2", CHILD),
        ("its parent 2 of 2", OTHER),
        ("the marked one", CHILD),
    ]
    assert next_target(targets, targets[0]) == targets[1]
    assert next_target(targets, targets[3]) == targets[0]
    alone = list_targets(view, SEED, None)
    assert [one.label for one in alone] == ["itself"]
    assert next_target(alone, alone[0]) == alone[0]
    assert [one.label for one in list_targets(view, CHILD, None)] == ["the baseline", "its parent"]


def test_a_finished_run_is_not_read_twice(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.panes.results import loading

    path = make_result_run(workspace)
    seen: list[Path] = []
    read = loading.read_entry
    monkeypatch.setattr(loading, "read_entry", lambda path: seen.append(path) or read(path))
    reader = BoardReader(workspace)
    first = reader.read()
    assert reader.read() == first
    assert len(seen) == 1
    with RunFolder(path).events.open("ab") as file:
        file.write(b'{"type":"log","message":"later","seq":99,"t":1.0}\n')
    reader.read()
    assert len(seen) == 2


def test_only_news_is_shown_again() -> None:
    assert not has_news(entry(), entry(seconds=99.0, usd=2.0))
    assert has_news(entry(), entry(candidates=5))
    assert has_news(entry(), entry(run_id="another"))


def test_data_that_is_code_is_known() -> None:
    assert is_code(DataSpec(path="data.py:rows"))
    assert is_code(DataSpec(train="a.jsonl", val="b.py:rows"))
    assert is_code(DataSpec(path="rows", format="python"))
    assert not is_code(DataSpec(path="messages.jsonl"))


def test_rows_that_few_get_come_first() -> None:
    ordered = sort_rows([RowBest(0, 1.0, ("a", "b")), RowBest(1, 1.0, ("a",)), RowBest(2, 0.0, ("a", "b"))])
    assert [row.row for row in ordered] == [2, 1, 0]
    assert "nobody" in text_of(row_line(ordered[0], 40))


def test_the_summary_of_a_run_that_failed(workspace: Workspace) -> None:
    path = make_result_run(workspace, right={}, ended=False)
    log = RunFolder(path).events
    log.write_bytes(
        log.read_bytes()
        + b'{"type":"run_ended","status":"failed","stop_reason":"failed",'
        + b'"detail":"no key\\u001b[2J","seq":99,"t":1.0}\n'
    )
    text = describe_run(load_run(path), None, 70).plain
    assert "failed after" in text
    assert "no key\ufffd[2J" in text
    assert "nothing is scored in full yet" in text


def test_what_a_recipe_takes_two_lines_for_goes_on_beside_its_name(workspace: Workspace) -> None:
    lines = describe_run(load_run(make_result_run(workspace)), None, 40).plain.splitlines()
    models = next(place for place, line in enumerate(lines) if line.startswith("  models"))
    assert lines[models + 1].startswith(" " * 12)


def test_errored_rows_of_the_held_out_score_are_told(workspace: Workspace) -> None:
    path = make_result_run(workspace)
    write_evaluation(RunFolder(path), "e0099", MERGED, "test", rows((0, 1), errored=(5, 6)))
    text = describe_run(load_run(path), None, 70).plain
    assert "0 rows of the baseline and 2 of the best errored: left out" in text


def test_an_export_says_how_it_was_verified() -> None:
    manifest = {
        "folder": "/out",
        "note": "load it",
        "verified": {"split": "val", "score": 0.5, "same_as_run": True, "new_calls": 0, "reloaded": True},
    }
    text = describe_exported(manifest).plain
    assert "loaded in a fresh process, scored 50.0 % on val again with no new LM call" in text
    other = {**manifest["verified"], "same_as_run": False, "new_calls": 3}  # type: ignore[dict-item]
    text = describe_exported({**manifest, "verified": other}).plain
    assert "other than in the run with 3 new LM calls" in text


def test_a_score_on_test_tells_its_interval_and_what_it_cost() -> None:
    rows = [{"score": score} for score in (1.0, 1.0, 0.0, 1.0, None)]
    result = {"candidate": "cbbb", "score": 0.75, "size": 5, "errors": 1, "rows": rows}
    text = describe_tested({**result, "ledger": {"student": {"paid": 4}, "judge": {"paid": 1}}}).plain
    assert "cbbb on test: 75.0 %" in text
    assert re.search(r"\d+\.\d – \d+\.\d  5 rows, 1 errored, 5 new LM calls", text)
    assert "no new LM call" in describe_tested({**result, "ledger": {"student": {"paid": 0}}}).plain
