"""How a sorted comment is judged: the right gallery or not."""


def same_gallery(example, pred, trace=None):
    """True for the gallery that a person chose."""
    return getattr(pred, "gallery", None) == example.gallery
