"""Opening, making and changing a workspace without running any of its code."""

from __future__ import annotations

import os
import stat
import threading
import tomllib
from pathlib import Path

import pytest

from core.errors import ConfigError, WorkspaceError
from core.samples import sample_names
from core.workspace import Workspace

CONFIG = """\
# the program
[program]
target = "program.py:Router"   # keep me

[data]
path = "rows.jsonl"
inputs = ["message"]

[metric]
target = "builtin:exact_match"

[models.student]
model = "embedded/student"

[optimizer]
name = "GEPA"
params = { max_full_evals = 8, use_merge = true }

# money
[budget]
usd = 5.0
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "compilot.toml").write_text(CONFIG)
    return Workspace.open(tmp_path)


def test_open_takes_the_folder_or_its_config_and_makes_nothing(workspace: Workspace) -> None:
    assert Workspace.open(workspace.config_path).root == workspace.root
    assert [entry.name for entry in workspace.root.iterdir()] == ["compilot.toml"]


@pytest.mark.parametrize(("name", "said"), [("", "compilot init"), ("nowhere", "no such folder")])
def test_a_folder_that_is_no_workspace_says_how_to_make_one(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(WorkspaceError) as caught:
        Workspace.open(tmp_path / name)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("[program]\ntarget = program.py:X\n", 2, "quotes"),
        ("[program]\n\n[program]\n", 3, "twice"),
        ("[a]\nb = 1\nb = 2\n", 3, "twice"),
        ('a = "open\n', 1, "close"),
        ("just words\n", 1, "name = value"),
        ("a = [1,\n", 2, "close"),
        ("a = True\n", 1, "written small"),
    ],
)
def test_a_syntax_error_names_its_line_and_a_fix(tmp_path: Path, text: str, line: int, fix: str) -> None:
    (tmp_path / "compilot.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Workspace.open(tmp_path)
    assert f":{line}" in caught.value.where
    assert fix in caught.value.fix


@pytest.mark.parametrize("content", [b"\xff\xfea\x00", b"a = " + b"[" * 5000, b"\x00"])
def test_a_file_that_is_no_text_is_an_error_not_a_crash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "compilot.toml").write_bytes(content)
    with pytest.raises(ConfigError):
        Workspace.open(tmp_path)


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    (tmp_path / "compilot.toml").write_bytes(b"\xef\xbb\xbf" + CONFIG.encode())
    assert Workspace.open(tmp_path).recipe().program.target == "program.py:Router"


def test_a_recipe_takes_changes_over_the_file(workspace: Workspace) -> None:
    recipe = workspace.recipe(
        params={"max_full_evals": 3, "auto": None},
        seed=7,
        num_threads=2,
        budget={"calls": 100},
        models={"student": {"temperature": 0.2}, "reflection": "embedded/reflection"},
        settings={"data": {"limit": 5}},
    )
    assert recipe.optimizer is not None
    assert recipe.optimizer.params == {"max_full_evals": 3, "use_merge": True, "auto": None}
    assert (recipe.run.seed, recipe.run.num_threads, recipe.data.limit) == (7, 2, 5)
    assert (recipe.budget.usd, recipe.budget.calls) == (5.0, 100)
    assert recipe.models["student"].model == "embedded/student"
    assert recipe.models["student"].temperature == 0.2
    assert recipe.models["reflection"].model == "embedded/reflection"


def test_another_optimizer_does_not_inherit_the_params_of_the_files(workspace: Workspace) -> None:
    other = workspace.recipe(optimizer="MIPROv2", params={"auto": "light"}).optimizer
    same = workspace.recipe(optimizer="GEPA").optimizer
    assert other is not None
    assert other.params == {"auto": "light"}
    assert same is not None
    assert same.params == {"max_full_evals": 8, "use_merge": True}


def test_a_recipe_error_names_the_file(workspace: Workspace) -> None:
    with pytest.raises(ConfigError) as caught:
        workspace.recipe(budget={"usd": -1})
    assert caught.value.where == f"{workspace.config_path}: budget.usd"


def test_writing_keeps_comments_and_permissions(workspace: Workspace) -> None:
    workspace.config_path.chmod(0o640)
    workspace.write_config(
        {
            "optimizer": {"params": {"max_full_evals": 2, "use_merge": None}},
            "budget": {"usd": None, "calls": 50},
            "models": {"reflection": {"model": "embedded/reflection"}},
            "data": {"inputs": ("message", "team")},
        }
    )
    text = workspace.config_path.read_text()
    assert "# the program" in text
    assert "# keep me" in text
    assert "# money" in text
    assert tomllib.loads(text)["optimizer"]["params"] == {"max_full_evals": 2}
    recipe = workspace.recipe()
    assert recipe.budget.usd is None
    assert recipe.budget.calls == 50
    assert recipe.data.inputs == ("message", "team")
    assert recipe.models["reflection"].model == "embedded/reflection"
    assert stat.S_IMODE(workspace.config_path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "changes",
    [{"budget": {"usd": -1}}, {"bugdet": {"usd": 1}}, {"models": {"student": {"options": {"api_key": "x"}}}}],
)
def test_a_change_that_would_be_wrong_or_a_key_is_not_written(workspace: Workspace, changes: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(ConfigError):
        workspace.write_config(changes)
    assert workspace.config_path.read_text() == CONFIG


def test_a_linked_config_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "shared.toml").write_text(CONFIG)
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / "compilot.toml").symlink_to(tmp_path / "shared.toml")
    Workspace.open(folder).write_config({"budget": {"usd": 1}})
    assert (folder / "compilot.toml").is_symlink()
    assert tomllib.loads((tmp_path / "shared.toml").read_text())["budget"]["usd"] == 1


def test_writers_at_once_all_get_through(workspace: Workspace) -> None:
    names = ("max_full_evals", "max_metric_calls", "reflection_minibatch_size", "candidate_limit")
    threads = [
        threading.Thread(
            target=Workspace.open(workspace.root).write_config,
            args=({"optimizer": {"params": {name: number}}},),
        )
        for number, name in enumerate(names, start=1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    params = workspace.settings()["optimizer"]["params"]
    assert {name: params[name] for name in names} == {name: n for n, name in enumerate(names, start=1)}


def test_state_is_closed_to_others_and_to_git(workspace: Workspace) -> None:
    workspace.prepare()
    workspace.prepare()
    assert stat.S_IMODE(workspace.state_dir.stat().st_mode) == 0o700
    assert (workspace.state_dir / ".gitignore").read_text() == "*\n"
    with workspace.store.transaction() as db:
        db.table("runs").insert({"id": "a"})
    assert len(workspace.store.read().table("runs")) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_says_so(workspace: Workspace) -> None:
    workspace.root.chmod(0o500)
    with pytest.raises(WorkspaceError, match="cannot keep"):
        workspace.prepare()


def test_a_state_folder_that_is_a_file_says_so(workspace: Workspace) -> None:
    workspace.state_dir.write_text("")
    with pytest.raises(WorkspaceError, match="cannot keep"):
        workspace.prepare()


PROGRAM = """
import dspy
raise SystemExit("opening a folder must not run its code")

class Sort(dspy.Signature):
    message: str = dspy.InputField()
    lang = dspy.InputField(desc="language")
    team: str = dspy.OutputField()

class Base(dspy.Module):
    pass

class Step(Base):
    def __init__(self):
        super().__init__()
        self.ask = dspy.Predict(Sort)
    def forward(self, message): return self.ask(message=message, lang="en")

class Pipeline(Base):
    def __init__(self, k=3):
        super().__init__()
        self.step = Step()
    def forward(self, message, lang, top=3): return self.step(message=message)

small = dspy.ChainOfThought("question, notes: list[str] -> answer")
"""
METRIC = """
def helper(a, b): return a
def score_team(example, pred, trace=None):
    return dspy.Prediction(score=1.0, feedback="why")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "prog.py").write_text(PROGRAM)
    (tmp_path / "src" / "broken.py").write_text("def (:")
    (tmp_path / "metric.py").write_text(METRIC)
    (tmp_path / "package.json").write_text('{"name": "not data"}')
    rows = "".join(f"{n},hello {n},en,{'ab'[n % 2]}\n" for n in range(60))
    (tmp_path / "rows.csv").write_text("id,message,lang,team\n" + rows)
    return tmp_path


def test_init_writes_what_it_finds(folder: Path) -> None:
    recipe = Workspace.init(folder).recipe()
    assert recipe.program.target == "src/prog.py:Pipeline"
    assert recipe.data.path == "rows.csv"
    assert recipe.data.inputs == ("message", "lang")
    assert recipe.data.id == "id"
    assert recipe.data.stratify == "team"
    assert recipe.metric.target == "metric.py:score_team"
    assert recipe.models["student"].model == "embedded/student"
    assert recipe.optimizer is not None
    assert recipe.optimizer.name == "GEPA"
    assert "src/prog.py:small" in (folder / "compilot.toml").read_text()


def test_init_takes_what_it_is_told(folder: Path) -> None:
    (folder / "more.tsv").write_text("question\tanswer\nx\ty\n")
    recipe = Workspace.init(folder, program="question -> answer", data="more.tsv").recipe()
    assert recipe.program.target == "question -> answer"
    assert recipe.program.module == "ChainOfThought"
    assert (recipe.data.path, recipe.data.inputs) == ("more.tsv", ("question",))


def test_init_maps_a_field_that_the_data_names_otherwise(folder: Path) -> None:
    recipe = Workspace.init(folder, program="question -> answer", data="rows.csv").recipe()
    assert recipe.data.map == {"question": "id"}
    assert "message" in (folder / "compilot.toml").read_text()


def test_init_sees_files_that_are_split_already(folder: Path) -> None:
    (folder / "rows.csv").unlink()
    for name in ("train", "dev", "test"):
        (folder / f"{name}.jsonl").write_text('{"message": "a", "lang": "b", "team": "c"}\n')
    data = Workspace.init(folder).recipe().data
    assert (data.path, data.train, data.val, data.test) == (None, "train.jsonl", "dev.jsonl", "test.jsonl")


def test_init_names_a_real_model_when_its_key_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaCanary0123456789_canary0123456789abcd")
    models = Workspace.init(folder).recipe().models
    assert models["student"].model == "gemini/gemini-2.5-flash-lite"
    assert "Canary" not in (folder / "compilot.toml").read_text()


def test_init_never_writes_over_a_config(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="already"):
        Workspace.init(workspace.root)
    assert workspace.config_path.read_text() == CONFIG


@pytest.mark.parametrize(
    ("missing", "given", "said"),
    [
        ("src", {}, "no DSPy program"),
        ("rows.csv", {}, "no data file"),
        (None, {"program": "nope.py:X"}, "no program"),
        (None, {"data": "nope.csv"}, "no data file"),
    ],
)
def test_init_says_what_is_missing_and_writes_nothing(
    folder: Path, missing: str | None, given: dict[str, str], said: str
) -> None:
    if missing:
        (folder / missing).rename(folder / f".{missing}")
    with pytest.raises(WorkspaceError, match=said) as caught:
        Workspace.init(folder, **given)
    assert caught.value.fix
    assert not (folder / "compilot.toml").exists()


def test_names_that_try_to_break_out_of_the_config(folder: Path) -> None:
    name = 'ro"ws]\n[budget\x1b[2J.csv'
    (folder / "rows.csv").rename(folder / name)
    (folder / "src" / "zz\n[x].py").write_text(
        "import dspy\nclass M(dspy.Module):\n  def forward(self, a): ...\n"
    )
    recipe = Workspace.init(folder).recipe()
    assert recipe.data.path == name
    assert recipe.budget.minutes == 60


@pytest.mark.parametrize("name", sample_names())
def test_samples_open_and_init_finds_their_program(tmp_path: Path, name: str) -> None:
    made = Workspace.init_sample(name, tmp_path / "w")
    recipe = made.recipe()
    made.config_path.unlink()
    found = Workspace.init(made.root).recipe()
    assert (found.program.target, found.metric) == (recipe.program.target, recipe.metric)
    assert (found.data.path, found.data.train) == (recipe.data.path, recipe.data.train)
    assert found.data.inputs == recipe.data.inputs
