"""Decoded lines of a file: compression undone, encoding detected or named, every line of bounded length."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from ..errors import DataError
from .sources import Source

MAX_LINE = 32 * 2**20
"""Characters. A longer line is reported, never held in memory."""
_SAMPLE = 64 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = 0.05
"""Share of control bytes from which a file is no text."""
_FEW = 8
"""Control bytes that any text may hold."""
_FOREIGN = 0.25
"""Share of undecodable characters from which a text is not UTF-8 with a few bad bytes."""
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")


class TextLines:
    """The lines of one file and how far into it they reach."""

    def __init__(self, text: io.TextIOWrapper, raw: BinaryIO, encoding: str) -> None:
        self._text = text
        self._raw = raw
        self.encoding = encoding

    @property
    def position(self) -> int:
        """Bytes of the file on disk consumed so far (reading ahead included)."""
        return self._raw.tell()

    def read(self) -> str:
        return self._text.read()

    def __iter__(self) -> Iterator[str]:
        """Lines with their ends; of a line over `MAX_LINE` only its first `MAX_LINE` characters are given."""
        readline = self._text.readline
        while line := readline(MAX_LINE):
            yield line
            if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
                while (rest := readline(MAX_LINE)) and not rest.endswith(("\n", "\r")):
                    pass


@contextmanager
def open_text(source: Source, *, newline: str) -> Iterator[TextLines]:
    """Opens a text file; what cannot be decoded becomes U+FFFD, which readers report.

    Raises `DataError` when the content is binary, the encoding unknown or the compression broken.
    """
    with source.path.open("rb") as raw:
        stream = _decompress(source, raw)
        try:
            sample = stream.read(_SAMPLE)
            encoding = _find_encoding(source, sample)
            text = io.TextIOWrapper(
                io.BufferedReader(cast("io.RawIOBase", _Rejoined(sample, stream)), 256 * 1024),
                encoding=encoding,
                errors="replace",
                newline=newline,
            )
            yield TextLines(text, raw, encoding)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _broken(source, str(error)) from error
        except OSError as error:
            if source.compression is None or error.errno is not None:
                raise DataError(
                    f"the file cannot be read: {error.strerror or error}", where=source.name
                ) from error
            raise _broken(source, str(error)) from error


class _Rejoined(io.RawIOBase):
    """A stream with the sample that was read from its head put back."""

    def __init__(self, sample: bytes, stream: BinaryIO) -> None:
        self._sample = memoryview(sample)
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._sample:
            count = min(len(buffer), len(self._sample))
            buffer[:count] = self._sample[:count]
            self._sample = self._sample[count:]
            return count
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _decompress(source: Source, raw: BinaryIO) -> BinaryIO:
    if source.compression == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))
    if source.compression == "zstd":
        import pyarrow as pa

        return cast("BinaryIO", pa.CompressedInputStream(raw, "zstd"))
    return raw


def _find_encoding(source: Source, sample: bytes) -> str:
    if not sample:
        raise DataError("the file is empty", where=source.name)
    if source.encoding is not None:
        try:
            codec = codecs.lookup(source.encoding)
        except LookupError:
            raise DataError(
                f"unknown encoding: {source.encoding}",
                where="data.encoding",
                fix="use a name Python knows, such as utf-8, utf-16, cp1252 or latin-1",
            ) from None
        if not codec._is_text_encoding:
            raise DataError(f"{source.encoding} is no text encoding", where="data.encoding")
        return "utf-8-sig" if codec.name == "utf-8" else codec.name
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    if (wide := _guess_utf16(sample)) is not None:
        return wide
    if len(_CONTROL.findall(sample)) > max(_BINARY * len(sample), _FEW):
        raise DataError(
            "the file is binary, not text",
            where=source.name,
            fix="set data.format if it is parquet, arrow or xlsx, or data.encoding if it is text",
        )
    text = sample.decode("utf-8", "replace")
    if text.count("\ufffd") > _FOREIGN * len(text):
        raise DataError(
            "the file is not UTF-8 text",
            where=source.name,
            fix="name its encoding in data.encoding: cp1252, cp1251, shift_jis, utf-16-le …",
        )
    return "utf-8"


def _guess_utf16(sample: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every second byte of western text is zero."""
    even, odd = sample[0::2], sample[1::2]
    if len(odd) < 2:
        return None
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def _broken(source: Source, reason: str) -> DataError:
    return DataError(
        f"the {source.compression} file is damaged or cut off: {reason}",
        where=source.name,
        fix="fetch or compress the file again",
    )
