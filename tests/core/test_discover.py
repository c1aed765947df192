import pytest

from core.discover import inline_inputs


@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("question -> answer", ("question",)),
        ("question, context: list[str] -> answer: bool", ("question", "context")),
        ("pairs: tuple[list[int], str], question -> answer", ("pairs", "question")),
        ("kind: Literal['a, b', 'c]'], question -> answer", ("kind", "question")),
        (" -> answer", ()),
        ("two words -> answer", ()),
    ],
)
def test_inputs_of_an_inline_signature(signature, inputs):
    assert inline_inputs(signature) == inputs
