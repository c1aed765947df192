"""How an extracted invoice is judged: field by field, each of the eight counts the same."""

import dspy

FIELDS = {
    "vendor": ("vendor",),
    "number": ("number",),
    "issued": ("issued",),
    "kind": ("kind",),
    "payment.terms": ("payment", "terms"),
    "payment.currency": ("payment", "currency"),
    "payment.total": ("payment", "total"),
}


def invoice_metric(example, pred, trace=None, pred_name=None, pred_trace=None):
    """Share of the fields that are right, from 0 to 1, with feedback on those that are not.

    A line of the items counts in part: description, quantity and category one third each.
    """
    gold, got = as_plain(example.invoice), as_plain(getattr(pred, "invoice", None))
    if not isinstance(got, dict):
        return dspy.Prediction(score=0.0, feedback="There is no invoice in the answer.")
    scores, feedback = [], []
    for name, path in FIELDS.items():
        expected, found = pick(gold, path), pick(got, path)
        scores.append(float(found == expected))
        if found != expected:
            feedback.append(f"Wrong {name}: expected '{expected}', got '{found}'.")
    item_score, item_feedback = judge_items(gold["items"], got.get("items") or [])
    scores.append(item_score)
    feedback.extend(item_feedback)
    return dspy.Prediction(
        score=sum(scores) / len(scores), feedback="\n".join(feedback) or "Every field is right."
    )


def judge_items(expected, found):
    """Mean over the lines, paired in their order; a missing line or one too many counts 0."""
    longest = max(len(expected), len(found))
    points, feedback = 0.0, []
    for at, (wanted, got) in enumerate(zip(expected, found, strict=False)):
        wrong = [part for part in wanted if got.get(part) != wanted[part]]
        points += 1 - len(wrong) / len(wanted)
        feedback += [
            f"Wrong items[{at}].{part}: expected '{wanted[part]}', got '{got.get(part)}'." for part in wrong
        ]
    if len(expected) != len(found):
        feedback.append(f"Wrong number of items: expected {len(expected)}, got {len(found)}.")
    return points / longest if longest else 1.0, feedback


def pick(record, path):
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def as_plain(value):
    """A pydantic model as the JSON-like dict that the dataset holds."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
