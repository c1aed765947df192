"""What works in the Metric place."""

from __future__ import annotations

from .command import Command

COMMANDS = (
    Command("metric.edit", "e", "Edit", "Go into the editor; escape leaves it."),
    Command("metric.save", "ctrl+s", "Save", "Write the file, and keep its text as a new version."),
    Command(
        "metric.test", "r,ctrl+g", "Test rows", "Score kept answers with the text as it is, saved or not."
    ),
    Command(
        "metric.examine", "D", "Doctor", "Examine the metric with the program's own answers on some rows."
    ),
    Command("metric.answers", "a", "Answers", "Choose whose answers are scored: a run's, or new ones."),
    Command("metric.next_finding", "n,ctrl+n", "Finding", "Jump to the line of the next finding."),
    Command(
        "metric.previous_finding", "N", "Finding before", "Jump to the line of the finding before.", False
    ),
    Command("metric.template", "t", "Template", "Start from a template, or put one in at the cursor.", False),
    Command(
        "metric.copy_builtin", "i", "Copy into a file", "Write this built-in metric into a file of your own."
    ),
    Command(
        "metric.rescore", "o", "Rescore", "Score all that a past run answered, with the text as it is.", False
    ),
    Command("metric.discard", "u", "Discard edits", "Take back all that was not saved; asks.", False),
    Command(
        "metric.next_view", "right_square_bracket", "Next view", "The next of the views at the right.", False
    ),
    Command(
        "metric.previous_view", "left_square_bracket", "View before", "The view before, at the right.", False
    ),
    Command("metric.cancel", "x", "Cancel", "End what runs now."),
    Command(
        "metric.restore", "enter", "Restore", "Put this version into the editor, unsaved.", pane="versions"
    ),
    Command("metric.enter", "enter", "Edit", "Go into the editor.", False, "editor"),
    Command("metric.leave", "escape", "Leave", "Leave the editor: single keys work again.", pane="code"),
)
