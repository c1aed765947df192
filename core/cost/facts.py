"""Facts of a workspace: measured once by a child process, kept by content, read in an instant afterwards."""

from __future__ import annotations

import glob
import hashlib
import importlib.metadata
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from ..children import run_child
from ..errors import CompilotError, OptimizerError, RunError
from ..models.roles import fill_roles
from ..optimizers.facts import Facts
from ..recipe import Recipe, Role
from ..store.atomic import write_atomic
from ..workspace import STATE_NAME

Depth = Literal["thorough", "small"]
"""How much is tried beforehand: `small` where calls cost money."""
_VERSION = 3
_CHILD = "runs.facts_child"


class CallTokens(msgspec.Struct, frozen=True):
    """Average tokens of one LM call."""

    input: float
    output: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What estimates rest on, and what it cost to find out."""

    facts: Facts
    tokens: dict[Role, CallTokens] = {}
    """By role, as far as its model was called; the student's without demonstrations."""
    demo_tokens: float = 0.0
    """Input tokens that one labeled demonstration adds to a call."""
    trace_tokens: float = 0.0
    """Input tokens that one demonstration made of a program run adds to a call."""
    latency_seconds: dict[Role, float] = {}
    """Mean seconds of one LM call by role."""
    own_seconds: float = 0.0
    """Seconds of one program run that no LM call explains."""
    start_seconds: float = 0.0
    """Seconds until a process has loaded the program, the data and the metric."""
    rows: int = 0
    """Rows the program was run on."""
    calls: int = 0
    """LM calls that measuring paid for."""
    usd: float | None = 0.0
    """Dollars that measuring cost; None where a price is unknown."""
    depth: Depth = "thorough"
    paid_shares: dict[Role, float] = {}
    """Part of the calls that a provider answered, in past runs with the same parameters."""
    run_tokens: dict[Role, CallTokens] = {}
    """Tokens of a call over such whole runs."""
    cached_shares: dict[Role, float] = {}
    """Part of the input tokens that the provider had cached in past runs, where it said so."""
    past_runs: int = 0
    """Past runs of this workspace that went into these facts."""


class FactsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the child measures: the same recipe with each of these optimizers."""

    recipes: tuple[Recipe, ...]
    workspace: str
    folder: str
    """An empty folder that is thrown away; the answer is facts.json in it."""
    depth: Depth


class FactsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One for each recipe: the facts, or why there are none."""

    measured: Measured | None = None
    error: dict[str, str] | None = None
    code: dict[str, str] = {}
    """Workspace file → sha256, for every file the program and the metric imported."""


class _Kept(msgspec.Struct, frozen=True):
    version: int
    code: dict[str, str]
    measured: Measured


def get_facts(
    recipe: Recipe,
    workspace: Path | None = None,
    *,
    cancel: threading.Event | None = None,
    calibrated: bool = True,
) -> Measured:
    """The facts for the recipe's optimizer and parameters; measured in a child process when missing.

    Measuring runs the user's program on the recipe's models; `calibrated` puts in what this workspace's own
    runs have shown. Raises what loading them raises, and `RunError` soon after `cancel` is set.
    """
    found = get_all_facts([recipe], workspace, cancel=cancel, calibrated=calibrated)[0]
    if isinstance(found, CompilotError):
        raise found
    return found


def get_all_facts(
    recipes: list[Recipe],
    workspace: Path | None = None,
    *,
    cancel: threading.Event | None = None,
    calibrated: bool = True,
) -> list[Measured | CompilotError]:
    """Facts for recipes that differ only in their optimizer; one child measures all that are missing."""
    root = _root(recipes[0], workspace)
    found: list[Measured | CompilotError | None] = [
        find_facts(recipe, root, calibrated=calibrated) for recipe in recipes
    ]
    missing = [place for place, known in enumerate(found) if known is None]
    if missing:
        answers = _measure([recipes[place] for place in missing], root, cancel or threading.Event())
        for place, answer in zip(missing, answers, strict=True):
            if answer.measured is None:
                found[place] = CompilotError.from_dict(answer.error or {})
            else:
                _keep(recipes[place], root, answer)
                found[place] = (
                    _calibrated(answer.measured, recipes[place], root) if calibrated else answer.measured
                )
    return [known for known in found if known is not None]


def find_facts(recipe: Recipe, workspace: Path | None = None, *, calibrated: bool = True) -> Measured | None:
    """Facts measured earlier for the same settings, data and code; None where there are none."""
    root = _root(recipe, workspace)
    try:
        kept = msgspec.json.decode(_path(recipe, root).read_bytes(), type=_Kept)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None  # a cache: what cannot be read is measured again
    if kept.version != _VERSION or any(_hash_file(root / name) != sha for name, sha in kept.code.items()):
        return None
    facts = msgspec.structs.replace(kept.measured.facts, num_threads=recipe.run.num_threads)
    measured = msgspec.structs.replace(kept.measured, facts=facts)
    return _calibrated(measured, recipe, root) if calibrated else measured


def _calibrated(measured: Measured, recipe: Recipe, root: Path) -> Measured:
    from .calibrate import apply_past_runs  # it stands on this module

    return apply_past_runs(measured, recipe, root)


def depth_of(recipe: Recipe) -> Depth:
    """Embedded models are free, so everything is tried with them; with others as little as will do."""
    models = fill_roles(recipe.models).values()
    return "thorough" if all(profile.model.startswith("embedded/") for profile in models) else "small"


def _root(recipe: Recipe, workspace: Path | None) -> Path:
    return Path(workspace or recipe.workspace or ".").resolve()


def _path(recipe: Recipe, root: Path) -> Path:
    """Named by everything but the code: that is known only once it was imported."""
    if recipe.optimizer is None:
        raise OptimizerError(
            "no optimizer is chosen", where="optimizer.name", fix="name one, e.g. `--optimizer GEPA`"
        )
    sections = (
        recipe.program,
        recipe.data,
        recipe.metric,
        sorted(fill_roles(recipe.models).items()),
        recipe.optimizer,
        recipe.run.seed,
    )
    content = msgspec.json.encode(
        [_VERSION, sections, _hash_data(recipe, root), importlib.metadata.version("dspy")],
        order="deterministic",
    )
    return root / STATE_NAME / "facts" / f"{hashlib.sha256(content).hexdigest()[:16]}.json"


def _hash_data(recipe: Recipe, root: Path) -> Mapping[str, str | None]:
    data = recipe.data
    named = [text for text in (data.path, data.train, data.val, data.test) if text]
    files = [Path(name) for text in named for name in sorted(glob.glob(str(root / text)))]
    edits = root / STATE_NAME / "edits.json"
    return {str(path): _hash_file(path) for path in (*files, edits)}


def _hash_file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _keep(recipe: Recipe, root: Path, answer: FactsAnswer) -> None:
    assert answer.measured is not None
    path = _path(recipe, root)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, msgspec.json.encode(_Kept(_VERSION, answer.code, answer.measured)))


def _measure(recipes: list[Recipe], root: Path, cancel: threading.Event) -> list[FactsAnswer]:
    """Run the child in a folder of its own, which is gone afterwards."""
    place = root / STATE_NAME / "facts"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="measuring-", dir=place) as name:
        folder = Path(name)
        request = FactsRequest(
            recipes=tuple(recipes), workspace=str(root), folder=name, depth=depth_of(recipes[0])
        )
        (folder / "request.json").write_bytes(msgspec.json.encode(request))
        with (folder / "out.log").open("wb") as output:
            status = run_child(
                _CHILD,
                str(folder / "request.json"),
                output=output,
                cwd=folder,
                cancel=cancel,
                cancelled=RunError("measuring was cancelled", fix="measure again when you want the figures"),
            )
        answer = folder / "facts.json"
        if not answer.exists():
            lines = (folder / "out.log").read_text("utf-8", "replace").strip().splitlines()
            raise RunError(
                f"measuring ended without a result (exit status {status})",
                where=lines[-1] if lines else "no output",
                fix="`compilot run` keeps the whole output of such a failure in its run folder",
            )
        return msgspec.json.decode(answer.read_bytes(), type=list[FactsAnswer])
