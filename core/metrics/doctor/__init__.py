"""Finds out, on real rows, whether a metric can be trusted, before anything is paid for."""
