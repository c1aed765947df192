"""`compilot data`: page, profile, split, edit, import and export."""

from __future__ import annotations

import click

from ...lazy import LazyGroup, Row


@click.group(
    cls=LazyGroup,
    rows=(
        Row("show", "commands.data.show:show", "Page through a file, filtered and sorted."),
        Row(
            "profile",
            "commands.data.profile:profile",
            "Columns in numbers, balance, and what is wrong where.",
        ),
        Row("split", "commands.data.split:split", "Make and freeze train, val and test."),
        Row("edit", "commands.data.edit:edit", "Label, fix, exclude or note a row, beside the file."),
        Row("import", "commands.data.logs:import_logs", "Make examples from a log of production calls."),
        Row("export", "commands.data.export:export", "Write rows to a file of another format."),
    ),
)
def data() -> None:
    """Page, profile and split the workspace's data, or look into any FILE."""
