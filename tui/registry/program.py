"""What works in the Program place."""

from __future__ import annotations

from .command import Command

COMMANDS = (
    Command("program.try", "t", "Try one input", "Go to the form with an input of the program, and try it."),
    Command("program.run", "ctrl+g", "Run it", "Run the program on the input in the form."),
    Command("program.next", "n,ctrl+n", "Next row", "Put the next row of val into the form."),
    Command("program.previous", "N", "Row before", "Put the row before into the form.", False),
    Command("program.state", "v", "State", "Look at the program as written, or as a run left it."),
    Command(
        "program.next_view", "right_square_bracket", "Next view", "The next of the views at the right.", False
    ),
    Command(
        "program.previous_view", "left_square_bracket", "View before", "The view before, at the right.", False
    ),
    Command("program.cancel", "x", "Cancel", "End what runs now."),
    Command("program.load", "r", "Load again", "Read the program's files again and describe it."),
    Command("program.new", "a", "New program", "Write a new program from a short form.", False),
    Command("program.leave", "escape", "Leave", "Leave the field; what was typed stays.", pane="field"),
)
