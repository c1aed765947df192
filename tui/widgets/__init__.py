"""Pieces that more than one place uses."""
