"""The warm child itself: what a job may do to it, and what the caller reads."""

import threading
import time

import psutil
import pytest

from core.errors import MetricError
from core.sandbox.client import Sandbox
from core.sandbox.limits import JobKilled, Limits

RECIPE = {
    "program": {"target": "question -> answer"},
    "data": {"path": "rows.jsonl", "inputs": ["question"]},
    "metric": {"target": "m.py:metric"},
    "models": {"student": {"model": "embedded/student"}},
}
ROW = {"inputs": {"question": "q"}, "labels": {"answer": "a"}, "prediction": {"answer": "a"}}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("project"), preload=("dspy", ".workbench.warm")) as made:
        yield made


def judge(sandbox, body, *, row_seconds=20.0, on_progress=None, **limits):
    params = {
        "root": str(sandbox.cwd),
        "recipe": RECIPE,
        "rows": [ROW],
        "sources": {"m.py": f"import os, sys, time, signal, subprocess\ndef metric(e, p):\n    {body}\n"},
        "row_seconds": row_seconds,
    }
    (sandbox.cwd / "m.py").touch()
    return sandbox.call(
        "workbench.jobs:run_metric",
        params,
        limits=Limits(**{"seconds": 20.0, **limits}),
        on_progress=on_progress,
    )


def pid_of_child(sandbox):
    outcome = judge(sandbox, "os.write(1, str(os.getppid()).encode()); return 1.0")
    return int(outcome.output)


def test_a_job_gives_its_value_and_its_prints(sandbox):
    outcome = judge(sandbox, "os.write(1, b'raw'); return 0.5")
    assert outcome.value["score"] == 0.5
    assert outcome.output == "raw"
    assert outcome.dropped_bytes == 0


def test_prints_beyond_the_limit_are_counted_and_dropped(sandbox):
    outcome = judge(sandbox, "os.write(1, b'x' * 5_000_000); return 1.0", output_bytes=1000)
    assert outcome.output == "x" * 1000
    assert outcome.dropped_bytes == 4_999_000


def test_jobs_share_one_warm_child_and_nothing_else(sandbox):
    assert pid_of_child(sandbox) == pid_of_child(sandbox)
    judge(sandbox, "os.environ['LEFT'] = 'behind'; sys.modules['json'] = None; return 1.0")
    assert judge(sandbox, "import json; return float('LEFT' not in os.environ)").value["score"] == 1.0


def test_it_runs_in_the_project_folder_with_empty_stdin(sandbox):
    body = f"return float(os.getcwd() == {str(sandbox.cwd)!r} and sys.stdin.read() == '')"
    assert judge(sandbox, body).value["score"] == 1.0


def test_our_errors_keep_their_kind(sandbox):
    with pytest.raises(MetricError) as caught:
        sandbox.call(
            "workbench.jobs:run_metric",
            {"root": str(sandbox.cwd), "recipe": {**RECIPE, "metric": {"target": "none.py:f"}}, "rows": []},
        )
    assert caught.value.fix


@pytest.mark.parametrize(
    ("body", "limits", "reason", "said"),
    [
        ("max(iter(int, 1))", {"seconds": 1.0}, "time", "did not end within 1 seconds"),
        ("time.sleep(60)", {"seconds": 1.0}, "time", "did not end within 1 seconds"),
        (
            "return bytearray(900_000_000)[0] + time.sleep(9)",
            {"memory_mb": 400},
            "memory",
            "more than 400 MB",
        ),
        ("os._exit(7)", {}, "died", "with status 7"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", {}, "died", "with signal 11"),
        ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)", {}, "died", "child process ended"),
        (
            "[subprocess.Popen(['sleep', '60']) for _ in range(12)]; time.sleep(60)",
            {"processes": 8},
            "processes",
            "more than 8 processes",
        ),
    ],
)
def test_a_job_that_does_not_come_back_is_told_and_the_next_one_runs(sandbox, body, limits, reason, said):
    started = time.monotonic()
    with pytest.raises(JobKilled) as caught:
        judge(sandbox, body, **limits)
    assert caught.value.reason == reason
    assert said in caught.value.what
    assert time.monotonic() - started < 15
    if "getppid" not in body:
        frames = {"metric", "<listcomp>"} if "for _ in" in body else {"metric"}
        assert caught.value.where in {f"m.py:3 in {frame}" for frame in frames}
    assert judge(sandbox, "return 1.0").value["score"] == 1.0


def test_what_a_job_starts_ends_with_it(sandbox):
    started = "subprocess.Popen(['sleep', '600'], start_new_session=True)"
    body = f"os.write(1, str({started}.pid).encode()); return 1.0"
    pid = int(judge(sandbox, body).output)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid)


def test_a_fork_that_comes_back_into_our_code_is_not_the_job(sandbox):
    outcome = judge(sandbox, "return 0.25 if os.fork() else 0.75")
    assert outcome.value["score"] == 0.25


def test_cancel_ends_the_job_at_once(sandbox):
    begun = threading.Event()
    caught = []

    def run():
        try:
            sandbox.call(
                "workbench.jobs:test_metric",
                {"root": str(sandbox.cwd), "recipe": RECIPE, "rows": 1, "row_seconds": 60},
                on_progress=lambda _: begun.set(),
            )
        except JobKilled as error:
            caught.append(error)

    (sandbox.cwd / "rows.jsonl").write_text('{"question": "q", "answer": "a"}\n' * 20)
    (sandbox.cwd / "m.py").write_text("import time\ndef metric(e, p): time.sleep(60)\n")
    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(20)
    started = time.monotonic()
    sandbox.cancel()
    thread.join(10)
    assert time.monotonic() - started < 5
    assert [error.reason for error in caught] == ["cancelled"]


def test_calls_from_many_threads_wait_for_each_other(sandbox):
    scores = []
    threads = [
        threading.Thread(target=lambda n=n: scores.append(judge(sandbox, f"return {n / 10}").value["score"]))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(scores) == [0.0, 0.1, 0.2, 0.3]


def test_the_child_goes_when_its_caller_goes(tmp_path):
    made = Sandbox(tmp_path, preload=())
    made.start()
    process = made._process
    assert process is not None
    made.close()
    assert process.poll() is not None
    made.close()


def test_what_a_child_wrote_is_let_go_with_it(tmp_path):
    made = Sandbox(tmp_path, preload=())
    files = []
    for _ in range(3):
        made.start()
        files.append(made._errors)
        made._process.kill()
        made._process.wait()
    made.close()
    assert [file.closed for file in files] == [True, True, True]


def test_a_library_that_cannot_be_preloaded_is_told(tmp_path):
    with Sandbox(tmp_path, preload=("no_such_library",)) as made, pytest.raises(JobKilled) as caught:
        made.call("workbench.jobs:describe", {})
    assert "no_such_library" in caught.value.what
