"""What a person types for a split, as numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.data.fields import stratify_fields
from core.errors import DataError
from core.recipe import DataSpec, SplitSpec

PARTS = ("train", "val", "test")


def read_share(text: str, part: str) -> float:
    """`0.4`, `40 %` or `12` (rows). Raises `DataError`."""
    plain = text.strip().replace(",", "")
    try:
        value = float(plain.removesuffix("%")) / 100 if plain.endswith("%") else float(plain or 0)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e12:
        raise DataError(
            f"{part} cannot be {text.strip()[:30]!r}",
            where=f"data.split.{part}",
            fix="a share such as 0.4 or 40 %, or a number of rows such as 12",
        )
    return value


def read_seed(text: str) -> int:
    """A whole number. Raises `DataError`."""
    if not text.strip().lstrip("-").isdecimal():
        raise DataError(
            f"the seed cannot be {text.strip()[:30]!r}", where="data.split.seed", fix="a whole number, as 0"
        )
    return int(text)


def read_stratify(text: str) -> str | tuple[str, ...] | None:
    """Column names with commas between; one alone stays a string, none is None."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return names[0] if len(names) == 1 else names or None


def read_split(spec: DataSpec, typed: Mapping[str, str]) -> DataSpec:
    """The data section with the split that was typed. Raises `DataError`."""
    shares = {part: read_share(typed[part], part) for part in PARTS}
    stratify = read_stratify(typed["stratify"])
    if stratify_fields(msgspec.structs.replace(spec, stratify=stratify)) == stratify_fields(spec):
        stratify = spec.stratify
    return msgspec.structs.replace(
        spec, split=SplitSpec(**shares, seed=read_seed(typed["seed"])), stratify=stratify
    )


def write_split(spec: DataSpec) -> dict[str, str]:
    """What stands in the fields for a data section."""
    typed = {part: f"{getattr(spec.split, part):g}" for part in PARTS}
    return {**typed, "seed": str(spec.split.seed), "stratify": ", ".join(stratify_fields(spec))}
