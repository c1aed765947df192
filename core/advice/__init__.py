"""Advice before a run: whether to optimize at all, and with which optimizer, each point with its reason."""
