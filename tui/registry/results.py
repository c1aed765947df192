"""What works in the Results place."""

from __future__ import annotations

from .command import Command

COMMANDS = (
    Command(
        "results.against", "b", "Against", "Compare with the next of: baseline, parents, what is marked."
    ),
    Command("results.mark", "m", "Mark", "Mark this candidate, of any run, to compare others with it."),
    Command("results.next_row", "n", "Next row", "The next row that changed.", False),
    Command("results.previous_row", "N", "Row before", "The row before that changed.", False),
    Command("results.kind", "f", "Kind", "Show only rows of one kind: fixed, broken and so on.", False),
    Command("results.split", "t", "Test rows", "Look at the rows of test, or of val again.", False),
    Command("results.pin", "p", "Pin", "Keep this candidate in mind, or no longer.", False),
    Command("results.export", "x", "Export", "Write this candidate as a program file, and verify it."),
    Command("results.cancel", "x", "Cancel", "Stop the scoring, or the export."),
    Command("results.score", "s", "Score", "Score this candidate on the held-out test rows.", False),
    Command("results.report", "w", "Report", "Write what the run came to into a file, markdown or JSON."),
    Command("results.program", "o", "In Program", "Look at this candidate in Program, and try it.", False),
    Command("results.watch", "v", "In Runs", "Look at this run's log, calls and progress.", False),
    Command("results.next_view", "right_square_bracket", "Next view", "The next of the views."),
    Command("results.previous_view", "left_square_bracket", "View before", "The view before.", False),
    Command("results.refresh", "r", "Read again", "Read the runs again.", False),
)
