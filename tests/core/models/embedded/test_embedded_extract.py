"""Pieces of the input are copied as demonstrations or descriptions say."""

from core.models.embedded.extract import describe_spans, learn_spans, locate, outline, shape

PAIRS = [
    ({"text": "Hello, my order AB-1234 has not arrived."}, "AB-1234"),
    ({"text": "Please cancel order XY-9876, thanks."}, "XY-9876"),
]


def first(model, text):
    return model.find({"text": text})[0][1].text


def test_shapes():
    assert shape("AB-12") == "AA-99"
    assert outline("AB-12") == "A-9"


def test_copies_what_looks_like_the_demonstrated_values():
    assert first(learn_spans(PAIRS), "On 12 May my order QQ-4711 broke.") == "QQ-4711"


def test_copies_by_the_words_around():
    pairs = [({"text": "my name is Ana and I wait"}, "Ana"), ({"text": "the name is Bo, call me"}, "Bo")]
    assert first(learn_spans(pairs), "well, the name is Carla and so on") == "Carla"


def test_copies_by_description():
    model = learn_spans([], ["The order id is the token like `ZZ-0000`."])
    assert first(model, "see QQ-4711 there") == "QQ-4711"


def test_finds_nothing_where_nothing_fits():
    assert learn_spans([]).find({"text": "some words"}) == []
    assert learn_spans(PAIRS).find({"text": "nothing here"}) == []


def test_a_description_says_the_same_as_the_examples():
    line = describe_spans("order_id", "text", learn_spans(PAIRS))
    assert line is not None
    assert first(learn_spans([], [line]), "it is order QQ-4711 again") == "QQ-4711"


def test_locate_ignores_punctuation_and_case():
    found = locate("ab-1234", {"other": "none", "text": "(AB-1234)"})
    assert found is not None
    assert found[0] == "text"
    assert locate("absent", {"text": "AB-1234"}) is None
