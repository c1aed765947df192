"""`compilot recommend` and `estimate --what-if` as a person or a script calls them, on the samples."""

import pytest

from core.workspace import Workspace
from tui.commands.recommend import describe_advice


def sample(name, tmp_path):
    return Workspace.init_sample(name, tmp_path / name).root


def ranking(told):
    return [one["optimizer"] for one in told["ranking"]]


def statuses(told):
    return {one["check"]: one["status"] for one in told["readiness"]}


def test_tiny_is_not_ready_and_has_a_better_approach(invoke, tmp_path):
    root = sample("tiny", tmp_path)
    answer = invoke("recommend", "-w", root, "--json")
    assert answer.code == 0, answer.err
    told = answer.json
    assert told["ready"] is False
    assert statuses(told)["examples"] == "fail"
    assert "few-shot prompting" in told["readiness"][0]["fix"]
    assert ranking(told)[:2] == ["BootstrapFewShot", "LabeledFewShot"]
    assert told["ranking"][0]["budget"]["within"] is True
    assert told["ranking"][0]["budget"]["calls"] > 0
    assert all({"check", "status", "detail", "fix"} <= set(one) for one in told["readiness"])
    assert all({"optimizer", "score", "reasons", "change"} <= set(one) for one in told["ranking"])

    text = invoke("recommend", "-w", root, "--repeat", "2")
    assert text.code == 0
    assert text.out.startswith("Not ready to optimize: examples. Nearest fit: BootstrapFewShot.")
    assert max(map(len, text.out.splitlines())) <= 80
    assert "over 2 scores (repeated on the same rows)" in " ".join(text.out.split())

    priced = invoke("estimate", "-w", root, "--json", "--max-calls", "40", "--what-if", "threads=2")
    assert priced.code == 0, priced.err
    assert priced.json["buys"]["unit"] == "bootstrapped demonstrations"
    (threads,) = priced.json["what_if"]
    assert threads["label"] == "threads 8 → 2"
    assert threads["change"]["calls"] == 0
    shown = invoke("estimate", "-w", root, "--max-calls", "40", "--what-if", "threads=2")
    assert "what if" in shown.out
    assert "budget buys  about" in shown.out


def test_without_running_the_program_the_ranking_goes_by_what_can_be_read(invoke, tmp_path):
    told = invoke("recommend", "-w", sample("router", tmp_path), "--json", "--without-program").json
    assert told["ready"] is True
    assert ranking(told)[:2] == ["MIPROv2", "BootstrapFewShotWithRandomSearch"]
    assert told["ranking"][0]["budget"] is None


def test_bad_options_and_changes(invoke, tmp_path):
    root = sample("tiny", tmp_path)
    assert invoke("recommend", "-w", tmp_path / "nowhere").code == 1
    assert invoke("recommend", "-w", root, "--repeat", "3", "--without-program").code == 2
    assert invoke("recommend", "-w", root, "--max-usd", "-1").code == 2
    unknown = invoke("estimate", "-w", root, "--what-if", "thread=2")
    assert (unknown.code, unknown.out) == (1, "")
    assert "did you mean `threads`" in unknown.err
    assert "measuring" not in unknown.err
    assert invoke("estimate", "-w", root, "--all", "--what-if", "threads=2").code == 2


def test_a_misspelled_optimizer_offers_the_nearest(invoke, tmp_path):
    root = sample("tiny", tmp_path)
    config = root / "compilot.toml"
    config.write_text(config.read_text().replace('name = "BootstrapFewShot"', 'name = "BootstrpFewShot"'))
    answer = invoke("recommend", "-w", root)
    assert answer.code == 1
    assert "did you mean BootstrapFewShot" in answer.err


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "first", "ready"),
    [
        ("router", {"MIPROv2"}, True),
        ("triage", {"GEPA"}, True),
        ("extract", {"MIPROv2"}, True),
        ("pipeline7", {"GEPA"}, True),
        ("tiny", {"BootstrapFewShot"}, False),
    ],
)
def test_what_an_expert_would_say_of_each_sample(invoke, tmp_path, name, first, ready):
    told = invoke("recommend", "-w", sample(name, tmp_path), "--json").json
    assert told["ready"] is ready
    assert ranking(told)[0] in first
    assert statuses(told)["metric"] == "pass"
    assert statuses(told)["task"] == "pass"
    # Nobody is advised to take what sees no data on a model that only knows its prompt.
    assert told["ranking"][0]["score"] > 0
    scores = {one["optimizer"]: one["score"] for one in told["ranking"]}
    assert scores["COPRO"] < 0
    tight = invoke("recommend", "-w", tmp_path / name, "--json", "--max-calls", "400").json
    for one in tight["ranking"]:
        if one["fits"]:
            over = one["budget"]["calls"] > 400
            assert any(point["rule"] == "over_budget" for point in one["points"]) is over
            assert one["budget"]["within"] is not over


def test_what_fits_better_but_cannot_be_run_here_is_named():
    from core.advice.recommend import advise
    from core.advice.situation import DataFacts, Situation, Wishes
    from core.optimizers import registry

    data = DataFacts(train=300, val=60, test=0, labels=("team",))
    lines = describe_advice(advise(Situation(data=data, wishes=Wishes(smaller_model=True))))
    best = "BootstrapFinetune"
    if best in registry.UNAVAILABLE:
        assert lines[1] == f"{best} would fit better, but cannot be run here."
    else:
        assert best in lines[0]


def test_foreign_text_cannot_paint(invoke):
    from core.advice.recommend import advise
    from core.advice.situation import Problem, Situation

    hostile = Situation(
        problems=(Problem(part="program", what="\x1b]0;X\x07[bold]", where="a\rb", fix="\x1b[2J"),)
    )
    lines = describe_advice(advise(hostile), every=True)
    assert lines[0].startswith("Not ready")
