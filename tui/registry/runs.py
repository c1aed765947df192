"""What works in the Runs place."""

from __future__ import annotations

from .command import Command


def _move(verb: str, key: str, label: str, help: str, does: str) -> Command:
    return Command(f"runs.{verb}", key, label, help, False, "lines", does)


COMMANDS = (
    Command(
        "runs.pause", "p", "Pause", "Start no new LM call; calls in flight finish, what was paid is kept."
    ),
    Command(
        "runs.resume",
        "r",
        "Resume",
        "Go on with a paused run, or with one whose process is gone: recorded answers are replayed, "
        "nothing is paid twice.",
    ),
    Command("runs.stop", "s", "Stop", "End the run and keep the best so far; asks first."),
    Command("runs.kill", "K", "Kill", "End the run's process at once; it can be resumed. Asks first.", False),
    Command(
        "runs.limits",
        "b",
        "Limits",
        "Change the caps and the calls in flight, while it runs or before it is resumed.",
    ),
    Command(
        "runs.remove", "d", "Delete", "Delete the run with its events, answers and candidates; asks first."
    ),
    Command("runs.results", "o", "Results", "Compare the run's candidates, see what changed, export."),
    Command("runs.folder", "f", "Folder", "Copy the path of the run's folder.", False),
    Command(
        "runs.next_view", "right_square_bracket", "View", "The next view: progress, candidates, calls, log."
    ),
    Command("runs.previous_view", "left_square_bracket", "Previous view", "The view before.", False),
    Command("runs.search", "slash", "Search", "Search the log; an empty search ends it."),
    Command("runs.find_next", "n", "Next match", "The next match of the search.", False),
    Command("runs.find_previous", "N", "Match before", "The match before.", False),
    Command(
        "runs.level",
        "v",
        "Level",
        "Show all of the log, what matters, warnings and errors, or errors only.",
        True,
        "log",
    ),
    Command(
        "runs.output",
        "x",
        "Output",
        "Show what the run's process printed, or the log of its events.",
        True,
        "log",
    ),
    Command("runs.role", "v", "Role", "Show the calls of the next role only.", True, "calls"),
    Command("runs.newest", "u", "Newest", "Go to the newest calls and keep up with them.", False, "calls"),
    _move("down", "j", "Down", "The next line.", "scroll_down"),
    _move("up", "k", "Up", "The line before.", "scroll_up"),
    _move("page_down", "ctrl+d,space", "Page down", "A screenful on.", "page_down"),
    _move("page_up", "ctrl+u", "Page up", "A screenful back.", "page_up"),
    _move("top", "g", "Top", "The first line.", "scroll_home"),
    _move("bottom", "G", "Bottom", "The last line; a log follows again.", "scroll_end"),
    _move("right", "right,l", "View", "The next view.", "screen.next_view"),
    _move("left", "left,h", "Previous view", "The view before.", "screen.previous_view"),
    Command(
        "runs.open",
        "enter",
        "Open",
        "The whole text of the line; for a run or a candidate, its results.",
        False,
        "lines",
    ),
    Command("runs.close", "escape,enter,q", "Close", "Back to the runs.", True, "detail"),
    Command("runs.copy_all", "y", "Copy all", "Copy the whole text.", True, "detail"),
)
