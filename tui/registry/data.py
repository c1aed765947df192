"""What works in the Data place."""

from __future__ import annotations

from .command import Command

COMMANDS: tuple[Command, ...] = (
    Command(
        "data.filter",
        "slash",
        "Filter",
        "Keep the rows with a text; column:text, ~regex and = condition work too.",
    ),
    Command("data.find", "f", "Find", "Go to the next row with a text; the others stay in view.", False),
    Command("data.next_match", "n", "Next", "The next row of what was found or chosen.", False),
    Command("data.previous_match", "N", "Previous", "The row before, of what was found or chosen.", False),
    Command("data.jump", "colon", "Go to row", "Go to a row by its number, as shown at the left.", False),
    Command("data.edit", "e", "Edit", "Change the cell under the cursor, beside the file."),
    Command("data.exclude", "x", "Exclude", "Leave the row out of every part, or take it back in.", False),
    Command("data.annotate", "a", "Note", "Put a note on the row; an empty one takes it away.", False),
    Command("data.undo", "u", "Undo", "Take back the last edit.", False),
    Command("data.revert", "d", "Revert", "Take back every edit of the row.", False),
    Command("data.profile", "p", "Profile", "What is in the data and what is wrong with which rows."),
    Command("data.columns", "c", "Columns", "What each column is for: input, label, ignored, id."),
    Command("data.split", "v", "Split", "Sizes of train, val and test, and what each part holds."),
    Command("data.open", "o", "Open", "Look into another data file, by choice or by path.", False),
    Command("data.export", "w", "Export", "Write the rows in view to a file, in their order.", False),
    Command("data.survey", "r", "Profile again", "Read all rows and profile them now.", False),
    Command("data.next_row", "right_square_bracket", "Next row", "The next row, from any pane.", False),
    Command("data.previous_row", "left_square_bracket", "Row before", "The row before.", False),
    Command("data.leave", "escape", "Back", "Back to the table; in the table: show all rows again."),
    Command("data.give_next", "space", "Next role", "Give the column its next role.", pane="columns"),
    Command("data.give_input", "i", "Input", "The column is an input of the program.", pane="columns"),
    Command("data.give_label", "l", "Label", "The column is a label, for the metric.", pane="columns"),
    Command("data.give_ignored", "x", "Ignore", "The column is not used.", pane="columns"),
    Command("data.give_id", "d", "Id", "The column names the rows.", pane="columns"),
    Command("data.save_roles", "s,ctrl+s", "Save", "Write the roles into compilot.toml.", pane="columns"),
    Command("data.drop_roles", "backspace", "As saved", "Forget the changes.", False, pane="columns"),
    Command("data.column_down", "j", "Down", "The next column.", False, pane="columns"),
    Command("data.column_up", "k", "Up", "The column before.", False, pane="columns"),
    Command("data.save_split", "ctrl+s,s", "Save", "Write the split and freeze it.", pane="split"),
    Command("data.forget_split", "d", "Forget", "Forget the frozen split and make it anew.", pane="split"),
    Command("data.drop_split", "ctrl+z", "As saved", "Forget the changes.", False, pane="split"),
    Command("data.finding_down", "j", "Down", "The next finding.", False, pane="profile"),
    Command("data.finding_up", "k", "Up", "The finding before.", False, pane="profile"),
    Command("data.text_down", "j", "Down", "Scroll down.", False, pane="row"),
    Command("data.text_up", "k", "Up", "Scroll up.", False, pane="row"),
)
