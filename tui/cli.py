"""The `compilot` command: parse, call core, print. Imports neither dspy nor the user's code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from core.errors import CompilotError

from .codes import FAILED, INTERRUPTED, USAGE
from .commands import COMMANDS
from .lazy import LazyGroup
from .output import print_error, print_json
from .text import clean


@click.group(
    cls=LazyGroup,
    rows=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`compilot [PATH]` opens the app. Without it, start with: compilot init my_project --sample "
    "router, then compilot run --workspace my_project",
)
@click.version_option(package_name="compilot", prog_name="compilot", message="%(prog)s %(version)s")
def cli() -> None:
    """Compilot: price, run, follow, resume and verify every DSPy optimizer from a terminal."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 fine, 1 failed, 2 wrong usage, 130 interrupted."""
    sys.exit(run_command(list(sys.argv[1:] if arguments is None else arguments)))


def run_command(arguments: list[str]) -> int:
    """Run one command line; gives its exit code, everything else having been printed."""
    as_json = "--json" in arguments
    try:
        code = cli.main(arguments, prog_name="compilot", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message())
        return USAGE if arguments else 0
    except click.ClickException as error:
        _print_usage(error, as_json)
        return USAGE
    except CompilotError as error:
        print_error(error, as_json)
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output went away (`compilot runs ls | head`): nothing is left to be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback on a person's screen
        from .crash import keep_crash

        print_error(keep_crash(error), as_json)
        return FAILED


def _print_usage(error: click.ClickException, as_json: bool) -> None:
    message = clean(error.format_message())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "compilot"
    click.echo(click.style(f"error: {message}", fg="red"), err=True)
    click.echo(f"  where: {command}", err=True)
    click.echo(f"  fix: `{command} --help` shows how it is used", err=True)
    if as_json:
        print_json({"error": "UsageError", "what": message, "where": command, "fix": f"{command} --help"})


if __name__ == "__main__":
    main()
