"""Sorts comments from a museum's guest book by the gallery they are about."""

from typing import Literal

import dspy


class SortComment(dspy.Signature):
    """Decide which gallery of the museum the comment is about."""

    comment: str = dspy.InputField()
    gallery: Literal["oceans", "skies", "trades"] = dspy.OutputField()


def comment_sorter():
    return dspy.ChainOfThought(SortComment)
