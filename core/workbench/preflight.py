"""Everything that can be known before a run: a list of checks, each pass, warn or fail with a fix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ..errors import CompilotError
from ..findings import Level
from ..models.profiles import check_profile, is_known_model, nearest_models
from ..models.roles import fill_roles
from ..models.secrets import key_state
from ..optimizers.facts import Facts
from ..optimizers.spec import check_needs, resolve_params
from ..optimizers.supplied import find_spec
from ..recipe import Recipe, Role
from ..wording import plural
from .desk import Desk
from .reports import LoadReport

LOW_DISK_BYTES = 1_000_000_000
NO_DISK_BYTES = 100_000_000
_TRIED_ROWS = 3
_TRIED_SECONDS = 30.0


class Check(msgspec.Struct, frozen=True):
    """One line of the preflight."""

    name: str
    status: Level
    detail: str
    where: str = ""
    fix: str = ""


def preflight(desk: Desk, recipe: Recipe, root: Path, *, ask_models: bool = False) -> list[Check]:
    """All checks, in the order of the work; a few rows are tried where the models are free.

    With `ask_models` each model is asked one short question.
    """
    loaded = desk.load_all()
    checks = check_loaded(loaded, recipe, root)
    if not any(check.status == "fail" for check in checks):
        place = max(place for place, check in enumerate(checks) if check.name == "metric") + 1
        checks[place:place] = _try_rows(desk, recipe)
    if ask_models and not any(check.status == "fail" for check in checks if check.name.startswith("model")):
        place = max(place for place, check in enumerate(checks) if check.name.startswith("model")) + 1
        checks[place:place] = _ask_models(desk)
    return checks


def check_loaded(loaded: LoadReport, recipe: Recipe, root: Path) -> list[Check]:
    """The same from what was loaded earlier: instant, and right as long as only other choices changed."""
    checks: list[Check] = []
    for part in ("program", "data", "metric"):
        if part in loaded.findings:
            checks.extend(_part_checks(part, loaded))
    models = list(_check_models(recipe))
    if not any(check.status == "fail" for check in models):
        models += [check for check in _part_checks("models", loaded) if check.status == "fail"]
    checks.extend(models)
    checks.extend(_check_optimizer(recipe, loaded))
    checks.append(_check_budget(recipe))
    checks.append(_check_disk(root))
    return checks


def _part_checks(part: str, loaded: LoadReport) -> Iterator[Check]:
    findings = loaded.findings.get(part, ())
    if not any(finding.level == "fail" for finding in findings):
        yield Check(part, "pass", loaded.notes.get(part, "loads"))
    for finding in findings:
        yield Check(part, finding.level, finding.what, finding.where, finding.fix)


def _try_rows(desk: Desk, recipe: Recipe) -> Iterator[Check]:
    """The program and then the metric on a few rows of val, where that costs nothing."""
    models = fill_roles(recipe.models).values()
    if not all(profile.model.startswith("embedded/") for profile in models):
        yield Check(
            "rows", "info", "no row was tried: these models cost money; `compilot program try` runs one"
        )
        return
    try:
        answered = desk.answer_rows(_TRIED_ROWS, seconds=_TRIED_SECONDS).rows
        raised = [(str(row["error"]), row["where"] or "") for row in answered if row["prediction"] is None]
        yield _tell_rows(
            "program on rows", len(answered), raised, "`compilot program try` shows it on one row"
        )
        # A program that gives no answer does not keep the metric from being tried: on the labels.
        rows = [{**row, "prediction": row["prediction"] or row["labels"]} for row in answered]
        scored = desk.run_metric(rows).rows
        wrong = [(one.verdict.error, one.where or "") for one in scored if one.verdict.error is not None]
        yield _tell_rows("metric on rows", len(scored), wrong, "`compilot metric test` shows the rows")
    except CompilotError as error:
        yield Check("rows", "fail", error.what, error.where, error.fix)


def _tell_rows(name: str, tried: int, errors: Sequence[tuple[str, str]], fix: str) -> Check:
    if not errors:
        return Check(name, "pass", f"{plural(tried, 'row')} tried without an error")
    what, where = errors[0]
    status: Level = "fail" if len(errors) == tried else "warn"
    return Check(
        name, status, f"an error on {len(errors)} of {plural(tried, 'row')} tried: {what}", where, fix
    )


def _check_models(recipe: Recipe) -> Iterator[Check]:
    """Names and keys, of the roles that have a profile; keys by name only."""
    try:
        roles = fill_roles(recipe.models)
    except CompilotError as error:
        yield Check("models", "fail", error.what, error.where, error.fix)
        return
    for role in recipe.models:
        yield _check_model(role, recipe)
    shared = [role for role in roles if role not in recipe.models]
    if shared:
        told = ", ".join(f"{role} → {roles[role].model}" for role in shared)
        yield Check("models", "info", f"without a profile of their own: {told}")


def _check_model(role: Role, recipe: Recipe) -> Check:
    profile = recipe.models[role]
    name = f"model {role}"
    try:
        check_profile(profile, where=f"models.{role}", need_key=False)
    except CompilotError as error:
        return Check(name, "fail", error.what, error.where, error.fix)
    if not is_known_model(profile.model):
        near = nearest_models(profile.model)
        fix = f"did you mean {near[0]}?" if near else "check the name with your provider"
        return Check(name, "warn", f"no metadata knows {profile.model}", f"models.{role}.model", fix)
    key = key_state(profile)
    if not key.name:
        return Check(name, "pass", f"{profile.model}, needs no key")
    if key.present:
        return Check(name, "pass", f"{profile.model}, key in {key.name}")
    return Check(
        name,
        "fail",
        f"{profile.model} has no key",
        f"models.{role}",
        f"set the environment variable {key.name}",
    )


def _ask_models(desk: Desk) -> Iterator[Check]:
    for answer in desk.ask_models():
        name = f"model {answer['role']}"
        if answer["error"] is None:
            yield Check(name, "pass", f"{answer['model']} answered in {answer['seconds']:.1f} s")
        else:
            yield Check(
                name,
                "fail",
                f"{answer['model']} did not answer: {answer['error']}",
                fix="check key and network",
            )


def _check_optimizer(recipe: Recipe, loaded: LoadReport) -> Iterator[Check]:
    if recipe.optimizer is None:
        yield Check(
            "optimizer",
            "warn",
            "none is chosen",
            "compilot.toml [optimizer] name",
            "`compilot recommend` ranks them, or choose one with --optimizer",
        )
        return
    name = recipe.optimizer.name
    try:
        spec = find_spec(name, recipe.optimizer.params)
        facts = _facts(loaded)
        resolve_params(spec, recipe.optimizer.params, facts)
        if facts is not None:
            check_needs(spec, facts)
    except CompilotError as error:
        yield Check("optimizer", "fail", error.what, error.where, error.fix)
        return
    yield Check("optimizer", "pass", f"{spec.name}: {spec.summary}")
    if name == "GEPA" and loaded.facts.get("has_feedback") is False:
        yield Check(
            "optimizer",
            "info",
            "GEPA learns from feedback, and the metric gives none: it is told expected and got of each label",
            recipe.metric.target,
            "return dspy.Prediction(score=…, feedback=…)",
        )


def _facts(loaded: LoadReport) -> Facts | None:
    return msgspec.convert(loaded.facts["optimizer"], Facts) if "optimizer" in loaded.facts else None


def _check_budget(recipe: Recipe) -> Check:
    caps = {name: value for name, value in msgspec.to_builtins(recipe.budget).items() if value is not None}
    if caps:
        return Check("budget", "pass", ", ".join(f"{name} {value:g}" for name, value in caps.items()))
    paid = [profile.model for profile in recipe.models.values() if not profile.model.startswith("embedded/")]
    return Check(
        "budget",
        "warn" if paid else "pass",
        "no cap is set",
        "compilot.toml [budget]",
        "set usd, calls, tokens or minutes" if paid else "",
    )


def _check_disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free
    if not os.access(root, os.W_OK):
        return Check(
            "disk", "fail", "the workspace cannot be written to", str(root), "give yourself permission"
        )
    status: Level = "fail" if free < NO_DISK_BYTES else "warn" if free < LOW_DISK_BYTES else "pass"
    fix = "free some space: a run keeps every answer" if status != "pass" else ""
    return Check("disk", status, f"{free / 1e9:.1f} GB free", str(root), fix)
