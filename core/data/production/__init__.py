"""Calls of a program in production, with what people said of them, as examples to optimize on."""

from __future__ import annotations

from .calls import Opinion, ProductionCall, read_verdict
from .convert import LogFormat, LogImport, import_logs

__all__ = ["LogFormat", "LogImport", "Opinion", "ProductionCall", "import_logs", "read_verdict"]
