"""`compilot metric`: test, rescore, templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.wording import plural

from ..output import print_json, print_lines, print_text, say
from ..text import percent, table
from .findings import finding_lines
from .options import ABOVE_ZERO, AT_LEAST_ONE, json_option, workspace_option

if TYPE_CHECKING:
    from core.metrics.rescore import RescoredEvaluation
    from core.workbench.reports import MetricReport


@click.group()
def metric() -> None:
    """Test the metric on real rows, score stored answers again, start from a template."""


@metric.command()
@click.option("--rows", type=AT_LEAST_ONE, default=12, show_default=True, help="Rows to test it on.")
@click.option(
    "--without-program", is_flag=True, help="Leave the program's own answers out; makes no call of its model."
)
@click.option(
    "--row-seconds",
    type=ABOVE_ZERO,
    default=10.0,
    show_default=True,
    help="A call that takes longer hangs.",
)
@workspace_option
@json_option
def test(rows: int, without_program: bool, row_seconds: float, workspace: Path, as_json: bool) -> int:
    """Find out whether the metric can be trusted: right, wrong and empty answers, twice, and by predictor.

    Exits with 1 when a finding fails.
    """
    import msgspec

    from core.findings import has_failed
    from core.workbench.desk import Desk
    from core.workspace import Workspace

    place = Workspace.open(workspace)
    with Desk(place.root, place.recipe()) as desk:
        report = desk.test_metric(rows, with_program=not without_program, row_seconds=row_seconds)
    failed = has_failed(report.findings)
    if as_json:
        print_json({"ok": not failed, **msgspec.to_builtins(report)})
    else:
        print_lines(_report_lines(report))
    return int(failed)


def _report_lines(report: MetricReport) -> list[str]:
    lines = list(finding_lines(report.findings)) or ["pass  nothing to report"]
    summary = report.summary
    if summary:
        lines += [
            "",
            f"{plural(summary['rows'], 'row')}, {plural(summary['calls'], 'call')} of the metric",
            *table(
                [
                    ["the labels themselves", percent(summary["gold"])],
                    ["another row's labels", percent(summary["other"])],
                    ["the program's answers", percent(summary["program"])],
                ],
                "<>",
            ),
        ]
    return lines


@metric.command()
@click.argument("run", default="latest")
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Only evaluations of this split.")
@workspace_option
@json_option
def rescore(run: str, split: str | None, workspace: Path, as_json: bool) -> None:
    """Apply the metric as it is now to the answers that RUN kept; the program's models are asked nothing."""
    import msgspec

    from core.runs.folder import RunFolder
    from core.runs.listing import find_run
    from core.workbench.desk import Desk
    from core.workbench.rescoring import rescore_run
    from core.workspace import Workspace

    place = Workspace.open(workspace)
    folder = RunFolder(find_run(place.root, run))
    with Desk(place.root, place.recipe()) as desk:
        rescored = rescore_run(desk, folder.evaluations, split=split)
    if as_json:
        print_json({"run_id": folder.run_id, "evaluations": msgspec.to_builtins(rescored)})
        return
    print_lines(_rescored_lines(rescored))


def _rescored_lines(rescored: list[RescoredEvaluation]) -> list[str]:
    rows = [["evaluation", "split", "candidate", "before", "after", "changed", "errored"]]
    for one in rescored:
        rows.append(
            [
                one.evaluation,
                one.split,
                one.candidate or "",
                percent(one.before),
                percent(one.after),
                f"{len(one.changed)} of {one.rows}",
                str(one.errors),
            ]
        )
    return table(rows, "<<<>>>>")


@metric.command()
@click.argument("name", required=False)
@click.option(
    "--field", default="answer", show_default=True, help="The label field to write into the template."
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a new file."
)
@json_option
def templates(name: str | None, field: str, output: Path | None, as_json: bool) -> None:
    """List templates and built-in metrics, or print the template NAME."""
    from core.errors import MetricError
    from core.metrics.builtin.registry import BUILTINS
    from core.metrics.templates import TEMPLATES

    if name is None:
        if as_json:
            print_json(
                {
                    "templates": [{"name": one.name, "summary": one.summary} for one in TEMPLATES.values()],
                    "builtins": [
                        {
                            "target": f"builtin:{one.name}",
                            "summary": one.summary,
                            "params": {param.name: param.meaning for param in one.params},
                        }
                        for one in BUILTINS.values()
                    ],
                }
            )
            return
        print_lines(["Templates (compilot metric templates NAME --field LABEL -o metrics.py):"])
        print_lines(table([[f"  {one.name}", one.summary] for one in TEMPLATES.values()]))
        print_lines(['Built in ([metric] target = "builtin:NAME"):'])
        print_lines(table([[f"  {one.name}", one.summary] for one in BUILTINS.values()]))
        return
    if name not in TEMPLATES:
        raise click.UsageError(f"there is no template {name!r}; there are {', '.join(TEMPLATES)}")
    text = TEMPLATES[name].fill(field)
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise MetricError(
                f"{output} cannot be written: {error.strerror}.", where=str(output), fix="name a new file"
            ) from error
        say(f'wrote {output}; name it in compilot.toml: [metric] target = "{output.name}:metric"')
    if as_json:
        print_json({"name": name, "field": field, "text": text})
    elif output is None:
        print_text(text)
