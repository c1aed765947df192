"""What the app does for a person in every place: says things, copies, shows keys, changes its looks."""

from __future__ import annotations

import time
from typing import Any

from textual import work
from textual.app import App

from core.errors import CompilotError, ConfigError

from .screens.base import Place
from .settings import Settings, read_settings, write_setting
from .text import clean
from .themes import DEFAULTS, NAMES, OWN, choose_theme
from .widgets.line_filter import ControlFilter
from .widgets.pane import pane_name, pane_of

_ERROR_SECONDS = 12.0


class Shell(App[None]):
    """The app without its session: settings, looks, and what needs no workspace."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings_problem: ConfigError | None = None
        try:
            self.settings = settings or read_settings()
        except ConfigError as error:
            self.settings, self.settings_problem = Settings(), error
        super().__init__()
        self._control_filter = ControlFilter()
        self._told: dict[tuple[str, ...], float] = {}
        """Errors → when each was shown last."""
        for theme in OWN:
            self.register_theme(theme)
        self.theme = choose_theme(self.settings.theme)
        self.set_class(self.settings.density == "compact", "-compact")
        self.set_keymap(self.settings.keys)

    @property
    def place(self) -> str:
        """The place on screen."""
        return self.current_mode

    def get_line_filters(self) -> list[Any]:
        return [self._control_filter, *super().get_line_filters()]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DEFAULTS

    def say(self, text: str, *, title: str = "") -> None:
        """A passing remark."""
        self.notify(clean(text), title=clean(title), markup=False)

    def say_error(self, error: CompilotError) -> None:
        """An error that has no place of its own on screen."""
        lines = tuple(clean(line) for line in error.lines())
        if time.monotonic() - self._told.get(lines, -_ERROR_SECONDS) < _ERROR_SECONDS:
            return  # it is on screen still
        self._told[lines] = time.monotonic()
        self.notify(
            "\n".join(lines[1:]),
            title=clean(error.what),
            severity="error",
            timeout=_ERROR_SECONDS,
            markup=False,
        )

    def copy(self, text: str) -> None:
        """To the clipboard, through the terminal (OSC 52)."""
        self.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        self.say(f"copied {lines} lines" if lines > 1 else f"copied {text[:60]}")

    def action_help(self) -> None:
        from .screens.help import HelpScreen

        self.push_screen(HelpScreen(self.place, pane_name(self.focused), dict(self.settings.keys)))

    def action_jump(self) -> None:
        from .screens.jump import JumpScreen

        screen = self.screen
        self.push_screen(
            JumpScreen(list(screen.focus_chain)), lambda chosen: screen.set_focus(chosen) if chosen else None
        )

    def action_zoom(self) -> None:
        screen = self.screen
        if screen.maximized is not None:
            screen.minimize()
        elif screen.focused is not None:
            screen.maximize(pane_of(screen.focused), container=False)

    def action_copy(self) -> None:
        place = self.screen
        text = place.get_selected_text() or (place.copied_text() if isinstance(place, Place) else None)
        if text:
            self.copy(text)
        else:
            self.say("nothing is selected")

    @work(exclusive=True, group="dialog")
    async def action_theme(self) -> None:
        from .widgets.dialogs import Choose

        chosen = await self.push_screen_wait(Choose("Theme", [(name, name) for name in NAMES], self.theme))
        if chosen:
            self.theme = chosen
            self._set("theme", chosen)

    def action_density(self) -> None:
        self.toggle_class("-compact")
        self._set("density", "compact" if self.has_class("-compact") else "comfortable")

    def _set(self, name: str, value: str) -> None:
        try:
            write_setting(name, value)
        except CompilotError as error:
            self.say_error(error)

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own report prints locals, and no public seam leaves them out.
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        from .crash import keep_crash

        self.panic("\n".join(clean(line) for line in keep_crash(error).lines()))
