"""What the app is working on: a workspace, and the recipe as the person has it on screen now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from core.errors import CompilotError, WorkspaceError
from core.recipe import Recipe
from core.workspace import Workspace

from .config_changes import find_changes
from .trusting import keeping_trust

if TYPE_CHECKING:
    from core.cost.estimate import Estimate
    from core.workbench.desk import Desk

_TABLE = "app"


class Session:
    """Lives on the UI thread; anything slow belongs in a worker of the screen that needs it."""

    def __init__(self, root: Path, on_change: Callable[[frozenset[str]], None]) -> None:
        self.root = root
        self.workspace: Workspace | None = None
        self.saved: Recipe | None = None
        """The recipe of compilot.toml."""
        self.draft: Recipe | None = None
        """With the choices made on screen; None while compilot.toml cannot be read."""
        self.problem: CompilotError | None = None
        self.estimate: Estimate | None = None
        """Of the draft; None while it is not known."""
        self.live_runs = 0
        self.trusted = False
        """Whether the folder's code may run, until the app is left; settled by `CompilotApp.trusted`."""
        self._on_change = on_change
        self._desk: Desk | None = None
        self._kept: dict[str, Any] = {}
        self._unkept: dict[str, Any] = {}
        self._was_read = False
        self._read()

    @property
    def is_workspace(self) -> bool:
        """False in a folder without compilot.toml."""
        return self.workspace is not None

    @property
    def unsaved(self) -> bool:
        return self.draft != self.saved

    def change(self, **sections: Any) -> None:
        """Put other sections into the draft, e.g. `change(optimizer=OptimizerSpec("GEPA"))`."""
        if self.draft is None:
            return
        changed = msgspec.structs.replace(self.draft, **sections)
        if changed != self.draft:
            self.draft = changed
            self.estimate = None
            self.note("draft")

    def write_draft(self) -> None:
        """Write the draft's changes into compilot.toml; its comments and order stay. Fit for a thread.

        Raises `ConfigError`, and writes nothing then.
        """
        if self.draft is not None and self.saved is not None and self.unsaved:
            self.write_config(find_changes(self.saved, self.draft))

    def write_config(self, changes: Mapping[str, Any]) -> None:
        """Lay changes over compilot.toml; a folder that was trusted stays so. Fit for a thread.

        Raises `ConfigError`, and writes nothing then.
        """
        if self.workspace is not None:
            with keeping_trust(self.root):
                self.workspace.write_config(changes)

    def reload(self) -> None:
        """Read compilot.toml again. Choices that were not saved stay on top of it where they still fit."""
        changes: Mapping[str, Any] = {}
        if self.saved is not None and self.draft is not None:
            changes = find_changes(self.saved, self.draft)
        self._read()
        if changes and self.workspace is not None and self.problem is None:
            try:
                self.draft = self.workspace.recipe(settings=changes)
            except CompilotError as error:
                self.problem = error
        self.note("config", "draft", "data", "split", "program", "metric")

    def put_estimate(self, estimate: Estimate | None) -> None:
        """The estimate of the draft, for the header."""
        self.estimate = estimate
        self.note("estimate")

    def note(self, *parts: str) -> None:
        """Tell every mounted place what changed."""
        self._on_change(frozenset(parts))

    def desk(self) -> Desk:
        """The warm child that runs the folder's code; only after the folder is trusted."""
        if self.draft is None:
            raise self.problem or WorkspaceError("no workspace is open", where=str(self.root))
        if self._desk is None or self._desk.recipe != self.draft:
            from core.workbench.desk import Desk

            sandbox = self._desk.sandbox if self._desk is not None else None
            self._desk = Desk(self.root, self.draft, sandbox=sandbox)
            if sandbox is None:
                self._desk.start()
        return self._desk

    def recall(self, key: str, default: Any = None) -> Any:
        """What `remember` kept for this workspace."""
        return self._kept.get(key, default)

    def remember(self, key: str, value: Any) -> None:
        """Keep a JSON value of the app's own for this workspace; `flush` writes it."""
        if self._kept.get(key) != value:
            self._kept[key] = self._unkept[key] = value

    def flush(self) -> None:
        """Write what is remembered; for a thread or the end. Raises `StoreError`."""
        from tinydb import where

        values, self._unkept = self._unkept, {}
        if self.workspace is None or not values:
            return
        try:
            self.workspace.prepare()
            with self.workspace.store.transaction() as db:
                for key, value in values.items():
                    db.table(_TABLE).upsert({"key": key, "value": value}, where("key") == key)
        except CompilotError:
            self._unkept = {**values, **self._unkept}
            raise

    def load_remembered(self) -> None:
        """Read what was remembered, the first time; for a thread. Raises `StoreError`."""
        if self.workspace is not None and not self._was_read:
            self._was_read = True
            kept = {row["key"]: row["value"] for row in self.workspace.store.read().table(_TABLE).all()}
            self._kept = {**kept, **self._unkept}

    def close(self) -> None:
        """End the warm child; waits for it."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None

    def _read(self) -> None:
        self.workspace = self.saved = self.draft = self.problem = self.estimate = None
        if not (self.root / "compilot.toml").exists():
            return
        self.workspace = Workspace(self.root)
        try:
            self.saved = self.draft = self.workspace.recipe()
        except CompilotError as error:
            self.problem = error
