"""The commands of `compilot`: one row each, imported when used."""

from __future__ import annotations

from ..lazy import Row

COMMANDS = (
    Row("app", "commands.app:app", "Open the app; the same as `compilot [PATH]`."),
    Row("init", "commands.init:init", "Make a workspace: write compilot.toml, or copy a sample."),
    Row("data", "commands.data:data", "Page, profile, split, edit, import and export data."),
    Row("metric", "commands.metric:metric", "Test the metric, score stored answers again, templates."),
    Row("program", "commands.program:program", "Show the program, try it on one input."),
    Row("check", "commands.check:check", "Preflight: program, data, metric, models, optimizer, budget."),
    Row("recommend", "commands.recommend:recommend", "Is it time to optimize, and with which optimizer?"),
    Row("estimate", "commands.estimate:estimate", "Calls, tokens, dollars and minutes of a run, by role."),
    Row("run", "commands.run:run", "Compile: run an optimizer in its own process."),
    Row("runs", "commands.runs:runs", "List, show, watch, pause, resume, stop, kill and remove runs."),
    Row("eval", "commands.evaluate:evaluate", "Score the program of a run, or an exported one."),
    Row("compare", "commands.compare:compare", "Rows fixed and broken, prompts and chance, of two runs."),
    Row("report", "commands.report:report", "What a run came to, as a page to keep."),
    Row("export", "commands.export:export", "Write the optimized program, verified in a fresh process."),
)
