"""Datasets of the Hugging Face hub, through its own library."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...errors import DataError
from ..sources import Source

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = re.compile(r"(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<config>[\w.-]+))?(?::(?P<split>\S+))?")


def load_hub_table(source: Source) -> pa.Table:
    """The dataset `owner/name[@config][:split]`; without a split its `train`, or its only one.

    Raises `DataError` when the library is missing, the name is wrong, or the hub cannot be reached.
    """
    match = _NAME.fullmatch(source.target)
    if match is None:
        raise DataError(
            f"not the name of a dataset: {source.target}",
            where=source.name,
            fix="write hf:owner/name, hf:owner/name@config or hf:owner/name:split",
        )
    try:
        import datasets
    except ImportError:
        raise DataError(
            "Hugging Face datasets need the hf extra",
            where=source.name,
            fix="pip install 'compilot[hf]', or download the data as parquet or jsonl",
        ) from None
    dataset = _load(datasets, match["name"], match["config"], match["split"], source)
    if isinstance(dataset, dict):
        dataset = _choose(dataset, source)
    return dataset.with_format("arrow")[:]


def _choose(parts: dict[str, Any], source: Source) -> Any:
    if "train" in parts or len(parts) == 1:
        return parts.get("train") or next(iter(parts.values()))
    raise DataError(
        "the dataset has no train split",
        where=source.name,
        fix=f"name one: {', '.join(f'{source.name}:{part}' for part in parts)}",
    )


def _load(datasets: Any, name: str, config: str | None, split: str | None, source: Source) -> Any:
    try:
        return datasets.load_dataset(name, config, split=split)
    except Exception as error:  # the library raises dozens of kinds
        raise DataError(
            f"the dataset cannot be loaded: {type(error).__name__}: {str(error).strip()[:300]}",
            where=source.name,
            fix="check the name and the network; offline, download it once or use a local file",
        ) from error
