"""Asks for other caps and threads of a run."""

from __future__ import annotations

from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Vertical
from textual.widgets import Input, Label, Static

from core.recipe import Budget
from core.wording import plural

from ...widgets.dialogs import Dialog
from ...widgets.foreign import foreign
from ...widgets.text_field import TextField

_FIELDS = {"usd": "dollars", "calls": "calls", "tokens": "tokens", "minutes": "minutes"}


class NewLimits(NamedTuple):
    budget: Budget
    num_threads: int


def parse_limits(texts: dict[str, str]) -> NewLimits | str:
    """What was typed, or what is wrong with it. An empty cap is no cap."""
    values: dict[str, float | int | None] = {}
    for name, text in texts.items():
        text = text.strip().replace(",", "").lstrip("$")
        if not text and name != "threads":
            values[name] = None
            continue
        whole = name in ("calls", "tokens", "threads")
        try:
            value: float | int = int(text) if whole else float(text)
        except ValueError:
            return f"{_FIELDS.get(name, name)}: {'a whole number' if whole else 'a number'} is needed"
        if not 0 < value < 1e15:
            return f"{_FIELDS.get(name, name)}: a number above zero is needed"
        values[name] = value
    threads = values.pop("threads")
    assert isinstance(threads, int)
    return NewLimits(Budget(**values), threads)  # type: ignore[arg-type]


class AskLimits(Dialog[NewLimits | None]):
    """One field a cap, and the threads; enter takes all of them."""

    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]
    DEFAULT_CSS = """
    AskLimits Grid { grid-size: 2; grid-columns: 14 1fr; grid-rows: 1; height: auto; margin-top: 1; }
    AskLimits Input { width: 20; }
    """

    def __init__(self, title: str, caps: dict[str, float], threads: int, most: int) -> None:
        super().__init__()
        self.question = title
        self.caps = caps
        self.threads = threads
        self.most = most

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign(self.question))
            with Grid():
                for name, label in _FIELDS.items():
                    value = self.caps.get(name)
                    yield Label(f"cap, {label}")
                    yield TextField(
                        "" if value is None else f"{value:.12g}", id=f"limit-{name}", compact=True
                    )
                yield Label("threads")
                yield TextField(str(self.threads), id="limit-threads", compact=True)
            yield Static("", classes="wrong", markup=False)
            yield Static(
                "An empty cap is no cap. Over all models together. "
                f"This attempt has {plural(self.most, 'thread')}; more of them start with a resume. "
                "Enter sets, escape leaves all as it is.",
                classes="detail",
                markup=False,
            )

    @on(Input.Submitted)
    def settle(self) -> None:
        texts = {name: self.query_one(f"#limit-{name}", Input).value for name in (*_FIELDS, "threads")}
        found = parse_limits(texts)
        if isinstance(found, str):
            self.query_one(".wrong", Static).update(foreign(found))
        else:
            self.dismiss(found)
