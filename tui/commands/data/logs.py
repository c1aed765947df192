"""`compilot data import`: examples with feedback from production calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.wording import plural

from ...output import print_json, print_lines, say
from ...text import count
from ..options import json_option

if TYPE_CHECKING:
    from core.data.production import LogFormat


@click.command("import")
@click.argument("log")
@click.option(
    "--from", "origin", type=click.Choice(["calls", "mlflow", "otel"]), help="Default: told by content."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="jsonl, csv, parquet …",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@json_option
def import_logs(log: str, origin: LogFormat | None, output: Path, overwrite: bool, as_json: bool) -> None:
    """Make examples with feedback from a LOG: our JSON lines, MLflow traces or OpenTelemetry spans."""
    from core.data.export import export_rows
    from core.data.production import import_logs as read_logs

    made = read_logs(log, Path.cwd(), origin)
    export_rows(made.rows, list(made.rows[0]), output, overwrite=overwrite)
    if as_json:
        print_json(
            {
                "format": made.format,
                "rows": len(made.rows),
                "output": str(output),
                "inputs": made.inputs,
                "labels": made.labels,
                "good": made.good,
                "bad": made.bad,
                "unrated": made.unrated,
                "unlabelled": made.unlabelled,
                "lost": sum(problem.lost for problem in made.problems),
                "problems": [{"kind": p.kind, "what": p.what, "where": p.where} for p in made.problems[:20]],
            }
        )
        return
    print_lines(
        [
            f"{plural(len(made.rows), 'example')} from {made.format} → {output}",
            f"judged right {count(made.good)}, wrong {count(made.bad)}, not judged {count(made.unrated)}",
            f"inputs: {', '.join(made.inputs)}; labels: {', '.join(made.labels)}; feedback: for the metric",
        ]
    )
    if made.unlabelled:
        told = plural(made.unlabelled, "row has", "rows have")
        say(f"{told} no label: label what lacks one, or use a metric that needs none")
    for problem in made.problems[:5]:
        say(f"{problem.where}: {problem.what}")
