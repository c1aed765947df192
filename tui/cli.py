"""The `compilot` command: parse, call core, print. Imports neither dspy nor the user's code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from core.errors import CompilotError

from .codes import FAILED, INTERRUPTED, USAGE
from .commands import COMMANDS
from .lazy import LazyGroup
from .output import OutputError, drop_stdout, print_error, print_json, writing
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
    try:
        return _run(arguments, "--json" in arguments)
    except BrokenPipeError:
        # Whoever read our output went away (`compilot runs ls | head`): nothing is left to be said.
        drop_stdout()
        return FAILED
    except OutputError as error:
        drop_stdout()
        print_error(error, as_json=False)
        return FAILED


def _run(arguments: list[str], as_json: bool) -> int:
    try:
        code = cli.main(arguments, prog_name="compilot", standalone_mode=False)
        with writing():
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message())
        return USAGE if arguments else 0
    except click.ClickException as error:
        _print_usage(error, as_json)
        return USAGE
    except (OutputError, BrokenPipeError):
        raise
    except CompilotError as error:
        print_error(error, as_json)
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except Exception as error:  # the last line of defence: no traceback on a person's screen
        from .crash import keep_crash

        if isinstance(error, OSError) and _is_of_echo(error):
            with writing():
                raise
        print_error(keep_crash(error), as_json)
        return FAILED


def _is_of_echo(error: OSError) -> bool:
    """Whether click raised it while it wrote a text of its own, such as the help."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and place.tb_frame.f_globals.get("__name__") == "click.utils"


def _print_usage(error: click.ClickException, as_json: bool) -> None:
    message = clean(error.format_message())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "compilot"
    where, fix = command, f"`{command} --help` shows how it is used"
    if isinstance(error, click.BadParameter) and isinstance(error.param, click.Option):
        where = f"{command} {error.param.opts[0]}"
        fix = _tell_range(error.param.type) or fix
    click.echo(click.style(f"error: {message}", fg="red"), err=True)
    click.echo(f"  where: {where}", err=True)
    click.echo(f"  fix: {fix}", err=True)
    if as_json:
        print_json({"error": "UsageError", "what": message, "where": where, "fix": fix})


def _tell_range(kind: click.ParamType[Any]) -> str:
    """Which numbers an option takes; nothing where it takes other things."""
    if not isinstance(kind, (click.IntRange, click.FloatRange)) or kind.min is None:
        return ""
    number = "a whole number" if isinstance(kind, click.IntRange) else "a number"
    if kind.max is not None:
        return f"give {number} from {kind.min:g} to {kind.max:g}"
    return f"give {number} above {kind.min:g}" if kind.min_open else f"give {number}, {kind.min:g} or more"


if __name__ == "__main__":
    main()
