"""Stands in for every LM of a dry run: answers at once and in form, right as often as asked; worker only."""
