"""Options that several commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from core.errors import ConfigError
from core.recipe import ROLES, Recipe

if TYPE_CHECKING:
    from core.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

workspace_option = click.option(
    "--workspace",
    "-w",
    type=click.Path(path_type=Path),
    default=Path("."),
    metavar="PATH",
    help="The workspace's folder (default: the current one).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, the result as the last line.")
progress_option = click.option(
    "--progress",
    type=click.Choice(["live", "plain", "json", "none"]),
    help="How progress is shown (default: live on a terminal, plain lines otherwise, none with --json).",
)

ABOVE_ZERO = click.FloatRange(0, min_open=True)
AT_LEAST_ONE = click.IntRange(1)

_RECIPE_OPTIONS = (
    click.option("--optimizer", "-o", metavar="NAME", help="The optimizer, by its DSPy class name."),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the optimizer, or any setting by its path (data.limit=50). Repeatable.",
    ),
    click.option("--model", "models", multiple=True, metavar="ROLE=MODEL", help="Another model for a role."),
    click.option(
        "--max-usd", type=ABOVE_ZERO, metavar="X", help="Stop before spending more dollars than this."
    ),
    click.option(
        "--max-calls", type=AT_LEAST_ONE, metavar="N", help="Stop before making more LM calls than this."
    ),
    click.option(
        "--max-tokens", type=AT_LEAST_ONE, metavar="N", help="Stop before using more tokens than this."
    ),
    click.option("--max-minutes", type=ABOVE_ZERO, metavar="M", help="Stop after this many minutes."),
    click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed of the run."),
    click.option("--threads", type=AT_LEAST_ONE, metavar="N", help="Threads of the evaluations."),
)


def recipe_options(command: F) -> F:
    """The options that change the recipe of compilot.toml; `read_recipe` takes their values."""
    for option in reversed(_RECIPE_OPTIONS):
        command = option(command)
    return command


def read_recipe(
    workspace: Workspace,
    *,
    optimizer: str | None,
    settings: tuple[str, ...],
    models: tuple[str, ...],
    max_usd: float | None,
    max_calls: int | None,
    max_tokens: int | None,
    max_minutes: float | None,
    seed: int | None,
    threads: int | None,
) -> Recipe:
    """The workspace's recipe with the options laid over it, optimizer and parameters checked."""
    from core.optimizers import registry
    from core.optimizers.spec import parse_setting, validate_params
    from core.optimizers.supplied import find_spec, is_supplied

    chosen = optimizer or _chosen_optimizer(workspace)
    if chosen is None:
        raise ConfigError(
            "no optimizer is chosen",
            where=f"{workspace.config_path}: optimizer.name",
            fix=f"choose one with --optimizer: {', '.join(registry.names())}",
        )
    spec = find_spec(chosen, {})
    read = _read_free if is_supplied(chosen) else partial(parse_setting, spec)
    tree, params = _split_settings(settings)
    try:
        recipe = workspace.recipe(
            optimizer=spec.name,
            params=dict(read(text) for text in params),
            seed=seed,
            num_threads=threads,
            budget={
                name: value
                for name, value in (
                    ("usd", max_usd),
                    ("calls", max_calls),
                    ("tokens", max_tokens),
                    ("minutes", max_minutes),
                )
                if value is not None
            },
            models=dict(_read_model(text) for text in models),
            settings=tree,
        )
    except ConfigError as error:
        raise _blame_option(error, settings, models) from error
    assert recipe.optimizer is not None
    validate_params(find_spec(spec.name, recipe.optimizer.params), recipe.optimizer.params)
    return recipe


def _blame_option(error: ConfigError, settings: tuple[str, ...], models: tuple[str, ...]) -> ConfigError:
    """The same error with the option as its place, where an option and not the file says what is wrong."""
    field = error.where.rpartition(": ")[2]
    # Without their values: one may be a key.
    given = {name: f"--set {name}" for text in settings if (name := text.partition("=")[0].strip())}
    given |= {
        f"models.{role}.model": f"--model {role}" for text in models if (role := text.partition("=")[0])
    }
    for name, option in given.items():
        if f"{field}.".startswith(f"{name}.") or f"{name}.".startswith(f"{field}."):
            return ConfigError(error.what, where=option, fix=error.fix)
    return error


def _chosen_optimizer(workspace: Workspace) -> str | None:
    section = workspace.settings().get("optimizer")
    name = section.get("name") if isinstance(section, dict) else None
    return name if isinstance(name, str) and name else None


def _split_settings(settings: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """Settings by path as a tree of compilot.toml's shape, and the rest: parameters of the optimizer."""
    from core.settings import SECTIONS, merge_settings

    tree: dict[str, Any] = {}
    params = []
    for text in settings:
        name, equals, value = text.partition("=")
        *tables, last = name.strip().split(".")
        if not equals or not last:
            raise click.UsageError(f"--set {text}: write it as NAME=VALUE")
        if tables and tables[0] in (*SECTIONS, "models"):
            branch: dict[str, Any] = {last: _read_value(value)}
            for table in reversed(tables):
                branch = {table: branch}
            tree = merge_settings(tree, branch)
        else:
            params.append(text)
    return tree, params


def _read_free(text: str) -> tuple[str, Any]:
    """A parameter of the workspace's own optimizer: nothing says what it takes."""
    name, _, value = text.partition("=")
    return name.strip(), _read_value(value)


def _read_value(text: str) -> Any:
    """A value as compilot.toml would hold it; text needs no quotes here."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _read_model(text: str) -> tuple[str, str]:
    role, equals, model = text.partition("=")
    if not equals or role not in ROLES or not model:
        raise click.UsageError(f"--model {text}: write it as ROLE=MODEL; roles: {', '.join(ROLES)}")
    return role, model
