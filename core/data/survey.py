"""Everything about a dataset that takes reading all of it; large files in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from ..bootstrap import command
from ..errors import CompilotError, DataError
from ..recipe import SPLITS, DataSpec
from .freeze import freeze_path
from .load import load_splits, plan_parts
from .profile import Profile, profile_file, profile_splits
from .rows import Splits
from .sources import Source, find_sources

_IN_PROCESS_BYTES = 512 * 1024
"""Larger files are read by a child: here they would take the processor from the screen."""
_LETTERS = {"train": "t", "val": "v", "test": "e"}
_PARTS = {letter: part for part, letter in _LETTERS.items()}
_POLL_SECONDS = 0.1


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """A profile, and the part of every row."""

    profile: Profile
    letters: dict[str, str] = {}
    """Data as the recipe names it → one letter a row: which part it is in."""
    split: str = ""
    """The split's hash; empty for a file that is not split."""
    frozen: bool = False
    """Whether this split is the one that runs use from now on."""
    notes: list[str] = []

    def part_of(self, source: str, index: int) -> str:
        """train, val or test; empty for a row in no part."""
        letters = self.letters.get(source, "")
        return _PARTS.get(letters[index], "") if index < len(letters) else ""


class SurveyJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at: the data of a recipe (`spec`), or any file (`text`)."""

    root: Path
    spec: DataSpec | None = None
    state_dir: Path | None = None
    text: str = ""
    format: str | None = None
    encoding: str | None = None
    freeze: bool = False
    """Whether the split is frozen from now on; else nothing changes by looking."""

    @property
    def texts(self) -> list[str]:
        """The files, as they are named."""
        if self.spec is None:
            return [self.text]
        pool, _, own = plan_parts(self.spec)
        return [*([pool] if pool is not None else []), *own.values()]

    @property
    def size(self) -> int:
        """Bytes of all files. Raises `DataError` for one that is not there."""
        return sum(source.size for text in self.texts for source in self.find_sources(text))

    @property
    def runs_code(self) -> bool:
        """Whether reading it runs Python of the folder."""
        return any(source.format == "python" for text in self.texts for source in self.find_sources(text))

    def find_sources(self, text: str) -> list[Source]:
        """The files that one of `texts` names. Raises `DataError`."""
        spec = self.spec or DataSpec(format=self.format, encoding=self.encoding)
        return find_sources(text, self.root, format=spec.format, encoding=spec.encoding)


def survey_data(job: SurveyJob) -> Survey:
    """Reads all of it, here. Raises `DataError`."""
    if job.spec is None:
        return Survey(profile=profile_file(job.text, job.root, format=job.format, encoding=job.encoding))
    splits = load_splits(job.spec, job.root, job.state_dir, freeze=job.freeze)
    return Survey(
        profile=profile_splits(splits, job.spec),
        letters=_spell_parts(splits),
        split=splits.hash,
        frozen=job.state_dir is not None and freeze_path(job.spec, job.state_dir).exists(),
        notes=splits.notes,
    )


def run_survey(job: SurveyJob, cancel: threading.Event | None = None) -> Survey | None:
    """A survey, by a child process where the data is large; None when `cancel` was set before it was done.

    Raises `DataError` as `survey_data` does.
    """
    if job.size <= _IN_PROCESS_BYTES and not job.runs_code:
        return survey_data(job)
    text = msgspec.json.encode(job, enc_hook=str).decode()
    child = subprocess.Popen(
        command("data.survey", text),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while True:
        try:
            answer, _ = child.communicate(timeout=_POLL_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if cancel is not None and cancel.is_set():
                child.kill()
                child.communicate()
                return None
    if child.returncode != 0:
        raise DataError(
            "the data could not be read to its end: the process that reads it ended",
            where=", ".join(job.texts),
            fix="it may need more memory than there is; set data.limit to read fewer rows",
        )
    try:
        return msgspec.json.decode(answer, type=Survey)
    except msgspec.ValidationError:
        failure = msgspec.json.decode(answer)
        raise DataError(failure["what"], where=failure["where"], fix=failure["fix"]) from None


def _spell_parts(splits: Splits) -> dict[str, str]:
    spelled: dict[str, dict[int, str]] = {}
    for part in SPLITS:
        for row in splits.part(part):
            spelled.setdefault(row.source, {})[row.index] = _LETTERS[part]
    return {
        source: "".join(letters.get(index, "-") for index in range(max(letters) + 1))
        for source, letters in spelled.items()
    }


def main(arguments: list[str]) -> int:
    """Makes the survey of the job given as JSON; the survey, or the error, goes to stdout."""
    with contextlib.redirect_stdout(sys.stderr):
        job = msgspec.json.decode(arguments[0], type=SurveyJob, dec_hook=lambda kind, text: kind(text))
        answer: Any
        try:
            answer = survey_data(job)
        except CompilotError as error:
            answer = error.to_dict()
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0
