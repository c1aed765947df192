"""Opening, saving and taking back a metric's text, so that nothing typed is lost. For threads; no widgets."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from core.errors import CompilotError, MetricError
from core.findings import Finding
from core.metrics.drafts import Draft, drop_draft, keep_draft, read_draft
from core.metrics.source import SourceText, check_source, digest_of, is_changed, read_source, save_source
from core.metrics.versions import MetricVersion, keep_version, list_versions
from core.recipe import MetricSpec
from core.workspace import Workspace

from ...trusting import keeping_trust


class Opened(NamedTuple):
    """A metric's text as it is on disk, and what is known beside it."""

    spec: MetricSpec
    text: str
    source: SourceText | None
    """None for a built-in metric, whose text is shown and cannot be saved."""
    draft: Draft | None = None
    versions: tuple[MetricVersion, ...] = ()

    @property
    def attribute(self) -> str:
        return self.spec.target.rpartition(":")[2]

    @property
    def builtin(self) -> bool:
        return self.source is None

    @property
    def path(self) -> Path | None:
        return self.source.path if self.source else None

    @property
    def gone(self) -> bool:
        """Whether the file was there and is not any more."""
        return self.source is not None and not self.source.digest

    @property
    def name(self) -> str:
        return self.source.path.name if self.source else self.spec.target


def open_metric(workspace: Workspace, spec: MetricSpec, labels: tuple[str, ...]) -> Opened:
    """The metric that the recipe names. Raises `MetricError` where there is no text to show."""
    if spec.target.startswith("builtin:"):
        from core.metrics.builtin.copied import write_copy

        return Opened(spec, write_copy(spec.target.removeprefix("builtin:"), spec.params, labels), None)
    source = read_source(spec.target, workspace.root)
    draft = read_draft(workspace.state_dir, spec.target)
    if draft is not None and draft.text == source.text:
        draft = None
    versions: list[MetricVersion] = []
    with contextlib.suppress(CompilotError):
        # A store that cannot be read is told where it is written.
        versions = list_versions(workspace.store, spec.target)
    return Opened(spec, source.text, source, draft, tuple(versions))


def save_metric(workspace: Workspace, opened: Opened, text: str, score: float | None) -> Opened:
    """Write the text to the file and keep it as a version, as what was there before.

    Raises `MetricError` when another program changed the file since, `StoreError` when something cannot be
    written.
    """
    source = opened.source
    if source is None:
        raise MetricError("A built-in metric cannot be saved.", fix="copy it into a file: i")
    target = opened.spec.target
    workspace.prepare()
    if not opened.versions or opened.versions[0].digest != source.digest:
        keep_version(workspace.store, target, source.text, note="as it was found")
    with keeping_trust(workspace.root):
        saved = save_source(source, text)
    keep_version(workspace.store, target, text, score=score)
    drop_draft(workspace.state_dir, target)
    return opened._replace(
        text=text, source=saved, draft=None, versions=tuple(list_versions(workspace.store, target))
    )


def set_aside(workspace: Workspace, opened: Opened, text: str, note: str) -> Opened:
    """Keep an unsaved text as a version, and take its draft away."""
    workspace.prepare()
    keep_version(workspace.store, opened.spec.target, text, note=note)
    drop_draft(workspace.state_dir, opened.spec.target)
    return opened._replace(draft=None, versions=tuple(list_versions(workspace.store, opened.spec.target)))


def keep_typing(workspace: Workspace, opened: Opened, text: str) -> None:
    """Keep what was typed beside the workspace's state; forget it when it is what the file holds."""
    if opened.source is None:
        return
    if text == opened.source.text:
        drop_draft(workspace.state_dir, opened.spec.target)
    else:
        workspace.prepare()
        keep_draft(workspace.state_dir, opened.spec.target, text, opened.source.digest)


def is_stale(opened: Opened) -> bool:
    """Whether another program changed the file since it was read."""
    return opened.source is not None and is_changed(opened.source)


def read_again(workspace: Workspace, opened: Opened) -> Opened:
    """The file as it is on disk now. Raises `MetricError` when it is there and cannot be read."""
    if opened.source is not None and not opened.source.path.exists():
        return opened._replace(source=msgspec.structs.replace(opened.source, digest=""))
    source = read_source(opened.spec.target, workspace.root)
    return opened._replace(text=source.text, source=source)


def check_text(opened: Opened, text: str) -> list[Finding]:
    """What reading the text finds wrong, at once; it is not run."""
    return [] if opened.builtin else check_source(text, opened.attribute, opened.name)


def source_name(workspace: Workspace, opened: Opened) -> str:
    """The file's name as `Desk` takes it, relative to the workspace."""
    return str(opened.path.relative_to(workspace.root.resolve())) if opened.path else ""


def copy_builtin(workspace: Workspace, opened: Opened, name: str) -> MetricSpec:
    """Write the shown text into a new file, and name that in compilot.toml. Raises `CompilotError`."""
    path = (workspace.root / name).resolve()
    if path.suffix != ".py" or not path.is_relative_to(workspace.root.resolve()):
        raise MetricError(
            f"'{name}' is no Python file of this folder.", where="file", fix="name it metrics.py"
        )
    try:
        with keeping_trust(workspace.root), path.open("x", encoding="utf-8") as file:
            file.write(opened.text)
    except OSError as error:
        reason = "it is there already" if path.exists() else error.strerror or str(error)
        raise MetricError(
            f"{name} cannot be written: {reason}.", where=str(path), fix="name another file"
        ) from error
    target = f"{path.relative_to(workspace.root.resolve())}:metric"
    with keeping_trust(workspace.root):
        workspace.write_config({"metric": {"target": target, "params": None}})
    return MetricSpec(target=target)


def digest(text: str) -> str:
    return digest_of(text.encode())
