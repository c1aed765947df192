"""What is in a dataset: its columns in numbers, and what is wrong with which rows."""

from __future__ import annotations

from .findings import Finding, RowAt
from .report import ColumnProfile, Profile, profile_data, profile_file, profile_splits, profile_table

__all__ = [
    "ColumnProfile",
    "Finding",
    "Profile",
    "RowAt",
    "profile_data",
    "profile_file",
    "profile_splits",
    "profile_table",
]
