"""From a log file to examples, with nothing lost on the way: calls in = rows out + problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from ...errors import DataError
from ..formats import read_blocks
from ..formats.jsonfile import read_document
from ..problems import Problem
from ..sources import find_sources
from .calls import ProductionCall, is_own, read_own
from .mlflow import is_mlflow, read_mlflow
from .otel import is_otel, read_otel

LogFormat = Literal["calls", "mlflow", "otel"]


class LogImport(msgspec.Struct, frozen=True):
    """What an import made of a log."""

    format: LogFormat
    rows: list[dict[str, Any]]
    inputs: tuple[str, ...]
    labels: tuple[str, ...]
    """Output fields; the columns to label by hand where rows lack them."""
    good: int
    bad: int
    unrated: int
    unlabelled: int
    """Rows in which no label is known: nobody called the answer good or corrected it."""
    problems: list[Problem]


def import_logs(text: str, root: Path, format: LogFormat | None = None) -> LogImport:
    """Reads calls with feedback from a JSON or JSONL file (or glob), in one of three formats.

    Raises `DataError` when the file cannot be read or holds no calls.
    """
    problems: list[Problem] = []
    documents = list(_read_documents(text, root, problems))
    chosen = format or _guess_format(documents, text)
    calls = _read_calls(chosen, documents, text, problems)
    if not calls:
        reason = f"first problem: {problems[0].what}" if problems else f"looked for {_DESCRIPTIONS[chosen]}"
        raise DataError("there are no calls in the file", where=text, fix=reason)
    rows = [call.to_row() for call in calls]
    columns = dict.fromkeys(name for row in rows for name in row)
    inputs = tuple(dict.fromkeys(name for call in calls for name in call.inputs))
    labels = tuple(
        name for name in columns if name not in inputs and not name.endswith(("feedback", "call_id"))
    )
    return LogImport(
        format=chosen,
        rows=[{name: row.get(name) for name in columns} for row in rows],
        inputs=inputs,
        labels=labels,
        good=sum(call.good is True for call in calls),
        bad=sum(call.good is False for call in calls),
        unrated=sum(call.good is None for call in calls),
        unlabelled=sum(all(row.get(label) is None for label in labels) for row in rows),
        problems=problems,
    )


_DESCRIPTIONS: dict[LogFormat, str] = {
    "calls": "objects with inputs, outputs and feedback",
    "mlflow": "traces with info and data",
    "otel": "spans with gen_ai messages",
}
_READERS: dict[LogFormat, Callable[[Mapping[str, Any], int], ProductionCall]] = {
    "calls": read_own,
    "mlflow": read_mlflow,
}


def _read_documents(text: str, root: Path, problems: list[Problem]) -> Iterator[dict[str, Any]]:
    for source in find_sources(text, root, field="FILE"):
        if source.format not in ("json", "jsonl"):
            raise DataError("logs are imported from JSON or JSON lines", where=source.name)
        if source.format == "json" and (document := read_document(source)) is not None:
            yield from _split_document(document)
            continue
        for block in read_blocks(source):
            problems += block.problems
            for row in block.rows:
                yield {name: value for name, value in zip(block.names, row, strict=True) if value is not None}


def _split_document(document: Any) -> list[dict[str, Any]]:
    """The calls, traces or exports of one document: a list, one under `traces`, or the thing itself."""
    if isinstance(document, dict):
        listed = document.get("traces")
        document = listed if isinstance(listed, list) else [document]
    return [item for item in document if isinstance(item, dict)] if isinstance(document, list) else []


def _guess_format(documents: list[dict[str, Any]], text: str) -> LogFormat:
    for document in documents[:20]:
        if is_mlflow(document):
            return "mlflow"
        if is_otel(document):
            return "otel"
        if is_own(document):
            return "calls"
    known = "; ".join(f"{name}: {what}" for name, what in _DESCRIPTIONS.items())
    raise DataError("the log's format is none that is known", where=text, fix=known)


def _read_calls(
    format: LogFormat, documents: list[dict[str, Any]], text: str, problems: list[Problem]
) -> list[ProductionCall]:
    if format == "otel":
        return read_otel(documents)
    calls = []
    for number, document in enumerate(documents):
        try:
            calls.append(_READERS[format](document, number))
        except DataError as error:
            what = f"call {number:,}: {error.what} ({error.where}): not imported"
            problems.append(Problem(kind="bad_value", what=what, file=text, lost=1))
    return calls
