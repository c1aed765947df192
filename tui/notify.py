"""Tells when a run has ended, wherever the person is: a remark, the bell, the terminal's own notification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.wording import plural

from .text import clean, duration, percent

if TYPE_CHECKING:
    from core.runs.listing import RunSummary

    from .app import CompilotApp


class News(NamedTuple):
    """How many runs live, and those that ended."""

    live: int
    ended: list[RunSummary]


class RunWatch:
    """Which runs of a workspace live, and which ended since the last look. For one thread at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._live: set[Path] | None = None
        self._over: dict[Path, int] = {}
        """Run → when its owner was written, where that owner is gone: it never comes back to life."""

    def look(self) -> News | None:
        """What changed since the last look; the first one always tells. Reads a small file for each run that
        may live."""
        from core.errors import CompilotError
        from core.runs.follow import load_state
        from core.runs.listing import run_folders, summarize

        live = {path for path in run_folders(self.root) if self._lives(path)}
        if live == self._live:
            return None
        ended, self._live = (self._live or set()) - live, live
        told = []
        for path in sorted(ended):
            try:
                told.append(summarize(load_state(path), path))
            except (CompilotError, FileNotFoundError):
                continue  # removed, or damaged: the Runs place says so
        return News(len(live), told)

    def _lives(self, path: Path) -> bool:
        from core.errors import RunError
        from core.runs.folder import RunFolder
        from core.runs.process import is_alive

        try:
            written = (path / "owner.json").stat().st_mtime_ns
            if self._over.get(path) == written:
                return False
            if is_alive(RunFolder(path).read_owner()):
                return True
        except (OSError, RunError):
            return False
        self._over[path] = written
        return False


def describe_end(run: RunSummary) -> str:
    """How a run ended, in one line."""
    parts = [f"{run.optimizer} {run.status}"]
    if run.stop_reason == "budget":
        parts[0] += " at its budget"
    if run.best is not None and run.best_kind == "full":
        parts.append(f"val {percent(run.baseline)} → {percent(run.best)}")
    parts.append(duration(run.seconds))
    return clean(" · ".join(parts))


def tell_news(app: CompilotApp, news: News) -> None:
    """Pass news on to the person, the terminal's title and every place."""
    app.session.live_runs = news.live
    show_title(app, news.live)
    for run in news.ended:
        announce(app, run)
    app.session.note("runs")


def announce(app: CompilotApp, run: RunSummary) -> None:
    """Tell of the end of a run in every way that the person has not switched off."""
    text = describe_end(run)
    bad = run.status in ("failed", "dead")
    app.notify(text, title=clean(run.run_id), severity="error" if bad else "information", markup=False)
    if app.settings.notify_bell:
        app.bell()
    if app.settings.notify_desktop:
        _send(app, f"\x1b]9;Compilot: {text}\x07")


def show_title(app: CompilotApp, live: int) -> None:
    """The terminal's title: the workspace, and how many runs live."""
    if app.settings.notify_title:
        runs = "" if not live else f" · {plural(live, 'live run')}"
        _send(app, f"\x1b]2;Compilot · {clean(app.session.root.name)}{runs}\x07")


def _send(app: CompilotApp, sequence: str) -> None:
    """Through the driver, whose thread owns the terminal; Textual has no public call for these."""
    driver = app._driver
    if driver is not None and not app.is_headless:
        driver.write(sequence)
