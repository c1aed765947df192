"""A field of a form as text, and what the arrow keys make of its value."""

from __future__ import annotations

from textual.content import Content

from ...widgets.foreign import foreign
from .sheet import Field, Wrong, write_value

CODE = "file.py:attr"
"""Stands for code of the workspace among the choices that take it."""
_FLOAT_STEP = 0.1


def field_name(field: Field, width: int) -> Content:
    """The name with its mark: set by the person, or wrong."""
    mark, style = (" ", "$text-muted")
    if field.wrong is not None:
        mark, style = "!", "$text-error"
    elif field.is_set:
        mark, style = "•", "$text-accent"
    shown = "$text" if field.is_set or field.wrong else "$text-muted"
    return Content.styled(mark, style) + Content.styled(f"{field.name:<{width}}", shown)


def field_text(field: Field, width: int) -> Content:
    """Name and value on one line, and below it why that cannot stay."""
    lines = [field_name(field, width) + _value(field)]
    if field.wrong is not None:
        lines.append(describe_wrong(field.wrong))
    return Content("\n").join(lines)


def typed_text(field: Field) -> str:
    """What was typed, or would be for the value that is set; blank for a default."""
    if field.wrong is not None and field.wrong.text:
        return field.wrong.text
    return field.text if field.is_set else ""


def next_value(field: Field, step: int) -> str | None:
    """The text of the value that follows: the other side of a switch, the next choice, one more; or None."""
    if field.kind == "switch":
        return write_value(not field.value)
    if field.kind == "choice":
        choices = list_choices(field)
        here = choices.index(field.text) if field.text in choices else -1
        return choices[(here + step) % len(choices)]
    parameter = field.parameter
    if parameter.type not in ("int", "float") or (field.wrong is not None and field.wrong.text):
        return None
    size = 1.0 if parameter.type == "int" else _FLOAT_STEP
    value = field.value
    if value is None:
        value = (parameter.low or 0.0) - (size if step > 0 else 0)
    changed = round(value + step * size, 6)
    if parameter.low is not None:
        changed = max(parameter.low, changed)
    if parameter.high is not None:
        changed = min(parameter.high, changed)
    return f"{changed:g}" if parameter.type == "float" else str(round(changed))


def list_choices(field: Field) -> list[str]:
    """What a choice can be, as texts; `none` where it may be left out."""
    choices = list(field.parameter.choices)
    if field.is_set and field.text not in choices and field.value is not None:
        choices.append(field.text)
    return [*choices, "none"] if field.parameter.optional else choices


def _value(field: Field) -> Content:
    if field.wrong is not None and field.wrong.text:
        return foreign(field.wrong.text, "$text-error")
    style = "bold" if field.is_set else "$text-muted"
    if field.kind == "switch":
        return Content.styled("■ on" if field.value else "□ off", style)
    shown = foreign(field.text, style)
    if field.kind == "choice":
        return Content.styled("‹", "$text-muted") + shown + Content.styled("›", "$text-muted")
    return shown


def describe_wrong(wrong: Wrong) -> Content:
    """Why the field cannot stay as it is, and what to do."""
    what = foreign(f"  {wrong.what}", "$text-error")
    return what + Content("\n") + foreign(f"  → {wrong.fix}", "$text") if wrong.fix else what
