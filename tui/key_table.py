"""The help screen's text: every command with its key, from the registry. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from textual.content import Content

from .registry import PLACES, SHARED, Command, commands_of

_TITLES = {**PLACES, **SHARED, "app": "Everywhere"}
_HELP_COLUMN = 35
_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "space": "space",
    "enter": "enter",
    "escape": "esc",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "comma": ",",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "equals_sign": "=",
    "dollar_sign": "$",
    "circumflex_accent": "^",
}


def describe_keys(
    place: str, pane: str, keymap: Mapping[str, str], words: str = "", width: int = 100
) -> Content:
    """Sections of keys: the pane with the focus, this place, everywhere, then the other places.

    All of `words` must occur in a line.
    """
    wanted = words.lower().split()
    lines: list[Content] = []
    for title, name, commands in _sections(place, pane):
        found = [
            command
            for command in commands
            if all(word in f"{name} {command.label} {command.help} {command.key}".lower() for word in wanted)
        ]
        if found:
            lines += [Content("")] if lines else []
            lines += [Content.styled(title, "bold $accent")]
            lines += [_line(command, keymap, width) for command in found]
    return Content("\n").join(lines) if lines else Content("nothing matches")


def _sections(place: str, pane: str) -> Iterator[tuple[str, str, list[Command]]]:
    """Title, place and commands of each."""
    here = [command._replace(pane="") for command in commands_of(place) if pane and command.pane == pane]
    yield f"{_TITLES.get(place, 'Here')}, in this pane", place, here
    for name in (place, *SHARED, "app", *(other for other in PLACES if other != place)):
        rest = [one for one in commands_of(name) if name != place or not pane or one.pane != pane]
        yield _TITLES.get(name, "Here"), name, rest


def show_key(keys: str) -> str:
    """`question_mark,ctrl+p` as `? ctrl+p`."""
    return " ".join(_show_one(key.strip()) for key in keys.split(","))


def _show_one(key: str) -> str:
    *modifiers, name = key.split("+")
    return "+".join([*modifiers, _SHOWN.get(name, name)])


def _line(command: Command, keymap: Mapping[str, str], width: int) -> Content:
    keys = show_key(keymap.get(command.id, command.key))
    where = f"{command.pane}: " if command.pane else ""
    told = textwrap.wrap(where + command.help, max(20, width - _HELP_COLUMN)) or [""]
    return (
        Content.styled(f"  {keys:<14} ", "$text-accent")
        + Content(f"{command.label:<17} ")
        + Content.styled(("\n" + " " * _HELP_COLUMN).join(told), "$text-muted")
    )
