"""Hostile text through every place of the app, in a real terminal: it may be read, and do nothing else."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.trust import read_trust, remember_trust
from core.workspace import Workspace
from tests.support.results import make_result_run
from tests.support.terminal import Terminal, compilot

pytestmark = pytest.mark.slow

HOSTILE = (
    "\x1b]0;PWNED\x07",
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1b[2J\x1b[H",
    "\x1bPPWNED\x1b\\",
    "\x9b31m",
    "\x1bc",
    "\x1b]unterminated",
    "\x1b[6n",
    "a\rb\bc\0d\x7f",
    "\u202etxet\u2066\u2069\u2028\u0085",
    "zero\u200bwidth\U000e0041\U000e0042",
    "e" + "\u0301" * 500,
    "[/nope]",
    "[bold",
    "[@click=app.quit]x[/]",
    "[link=file:///etc/passwd]x[/link]",
    "$error [$primary]x",
    "=cmd|' /C calc'!A0",
)
PALETTE = "🔎"
"""Stands in front of what is typed there."""
_SEQUENCE = re.compile(
    rb"\x1b\[(?P<private>[?<>=!]*)(?P<numbers>[0-9;:]*)(?P<middle>[ -/]*)(?P<final>[@-~])"
    rb"|\x1b\](?P<osc>[0-9]*)|\x1b(?P<other>[^\[\]])"
)


def test_no_hostile_text_reaches_the_terminal(tmp_path: Path) -> None:
    plain = visit(make_workspace(tmp_path / "plain", hostile=False))
    hostile = visit(make_workspace(tmp_path / "hostile", hostile=True))
    assert kinds(hostile) <= kinds(plain) | {(b"?", b"h"), (b"?", b"l")}
    for forbidden in (
        b"\x1b]0;PWNED",
        b"\x1b]52;c;UFdORUQ=",
        b"\x1bPPWNED",
        b"\x1bc",
        b"\x1b[6n",
        b"\xc2\x9b",
    ):
        assert forbidden not in hostile, forbidden
    text = hostile.decode("utf-8", "replace")
    assert not re.search(
        "[\u202a-\u202e\u2066-\u2069\u2028\u0085\u200b\U000e0000-\U000e007f\x7f\x80-\x9f]", text
    )
    assert "[/nope]" in text, "the strings were on screen at all"


def make_workspace(root: Path, *, hostile: bool) -> Path:
    """A workspace with data and two finished runs; hostile text wherever a person's own text would be."""
    workspace = Workspace.init_sample("router", root)
    for number in range(2):
        make_result_run(workspace, f"26110{number + 1}-100000-gepa-aaaa")
    if hostile:
        strings = itertools.cycle(HOSTILE)
        poison_lines(root / "messages.jsonl", strings)
        for path in sorted(workspace.runs_dir.rglob("*.json*")):
            if path.name != "recipe.json" and path.suffix in (".json", ".jsonl"):
                poison_lines(path, strings)
        (root / "[@click=app.quit]x\x1b]0;PWNED\x07.csv").write_text("a,b\n1,2\n")
        metrics = root / "metrics.py"
        metrics.write_text(
            f"# {' '.join(HOSTILE).replace(chr(13), '').replace(chr(0), '')}\n" + metrics.read_text()
        )
        program = root / "program.py"
        program.write_text(
            program.read_text().replace('"""', '"""[@click=app.quit]x[/] \\x1b]0;PWNED\\x07 ', 1)
        )
        workspace.write_config({"optimizer": {"name": "GEPA", "params": {"auto": "light"}}})
    remember_trust(root, read_trust(root).fingerprint)
    return root


def poison_lines(path: Path, strings: Iterator[str]) -> None:
    lines = [json.dumps(poison(json.loads(line), strings)) for line in path.read_text().splitlines() if line]
    path.write_text("\n".join(lines) + "\n")


def poison(value: Any, strings: Iterator[str]) -> Any:
    """The same value; every text of more than one word begins with a hostile string."""
    if isinstance(value, dict):
        return {key: poison(item, strings) for key, item in value.items()}
    if isinstance(value, list):
        return [poison(item, strings) for item in value]
    if isinstance(value, str) and " " in value:
        return next(strings) + value
    return value


def visit(root: Path) -> bytes:
    """What the app writes while a person looks at everything in it."""
    with Terminal(compilot(root), columns=140, lines=44) as terminal:
        terminal.until("1 Data")
        terminal.settle(1.0)
        for place in range(1, 7):
            terminal.press(f"f{place}")
            terminal.settle(1.0)
            look_around(terminal)
        terminal.press("ctrl+p")
        terminal.until(PALETTE)
        terminal.press("x")
        terminal.settle(0.7)
        terminal.press("escape")
        # A key that comes too soon after it would make one key of both.
        terminal.until(lambda text: PALETTE not in text)
        terminal.press("?")
        terminal.until("─ Keys ─")
        terminal.press("escape")
        terminal.until(lambda text: "─ Keys ─" not in text)
        assert terminal.process.poll() is None, f"the app ended:\n{terminal.text()}"
        terminal.press("q")
        terminal.settle(2.0)
        if terminal.process.poll() is None:
            terminal.press("y")
        assert terminal.wait_exit() == 0, terminal.text()
        terminal.read(0.5)
        return bytes(terminal.bytes)


def look_around(terminal: Terminal) -> None:
    """Every pane is focused, moved in, opened and made large once."""
    for _ in range(4):
        for key in ("down", "pagedown", "up", "z", "z", "]", "tab"):
            terminal.press(key)
            terminal.settle(0.1, 1.0)
    for _ in range(2):
        terminal.press("escape")
        terminal.settle(0.5)


def kinds(written: bytes) -> set[tuple[bytes, bytes]]:
    """The kinds of escape sequences in it: colours, cursor moves, modes, titles, …"""
    found = set()
    for match in _SEQUENCE.finditer(written):
        if match["final"]:
            found.add((match["private"] + match["middle"], match["final"]))
        elif match["osc"] is not None:
            found.add((b"osc", match["osc"]))
        else:
            found.add((b"esc", match["other"]))
    return found
