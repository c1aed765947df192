"""What works in every table."""

from __future__ import annotations

from .command import Command


def _move(verb: str, key: str, label: str, help: str) -> Command:
    return Command(f"table.{verb}", key, label, help, False)


COMMANDS = (
    _move("down", "down,j", "Down", "The next row."),
    _move("up", "up,k", "Up", "The row before."),
    _move("left", "left,h", "Left", "The column before; columns out of view come in."),
    _move("right", "right,l", "Right", "The next column; columns out of view come in."),
    _move("page_down", "pagedown,ctrl+d", "Page down", "A screenful on."),
    _move("page_up", "pageup,ctrl+u", "Page up", "A screenful back."),
    _move("top", "g,ctrl+home", "Top", "The first row."),
    _move("bottom", "G,ctrl+end", "Bottom", "The last row that is known."),
    _move("first_column", "home,0", "First column", "The leftmost column."),
    _move("last_column", "end,dollar_sign", "Last column", "The rightmost column."),
    _move("narrower", "less_than_sign,comma", "Narrower", "Take a few letters from the column's width."),
    _move("wider", "greater_than_sign,full_stop", "Wider", "Give the column a few letters more."),
    _move("fit", "equals_sign", "Fit", "Fit all columns to what is seen of them, as at first."),
    Command("table.open", "enter", "Open", "Open the row.", False),
    Command("table.sort", "s", "Sort", "Sort by this column: up, down, as in the file.", False),
)
