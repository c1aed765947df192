"""Compilot."""
