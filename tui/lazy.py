"""Commands that are imported when they are used: a row each, so that `--help` and start-up cost nothing."""

from __future__ import annotations

import difflib
import importlib
from typing import Any, NamedTuple

import click


class Row(NamedTuple):
    """One command: its name, where it lives, and its line in the help."""

    name: str
    place: str
    """`module:attribute`, the module relative to `tui`."""
    help: str


class LazyGroup(click.Group):
    """A group made of rows."""

    def __init__(self, *args: Any, rows: tuple[Row, ...] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.rows = {row.name: row for row in rows}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = self.rows.get(cmd_name)
        if row is None:
            return None
        module, _, attribute = row.place.partition(":")
        command: click.Command = getattr(importlib.import_module(f"tui.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.rows and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.rows, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else f"commands: {', '.join(self.rows)}"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.help) for row in self.rows.values()])
