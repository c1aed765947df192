"""How a triaged message is judged: urgency, sentiment and categories count one third each."""

import dspy


def triage_metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
    """Mean of the three scores from 0 to 1, with feedback for the predictor that `pred_name` names.

    Without `pred_name` the feedback speaks of all three.
    """
    parts = {
        "urgency": judge_label("urgency", gold, pred),
        "sentiment": judge_label("sentiment", gold, pred),
        "categories": judge_categories(gold, pred),
    }
    score = sum(part_score for part_score, _ in parts.values()) / len(parts)
    named = [pred_name] if pred_name in parts else list(parts)
    return dspy.Prediction(score=score, feedback="\n".join(parts[name][1] for name in named))


def judge_label(field, gold, pred):
    """1 for the expected label, else 0; and what was expected."""
    expected, got = gold[field], getattr(pred, field, None)
    if got == expected:
        return 1.0, f"Correct {field}: '{expected}'."
    return 0.0, f"Wrong {field}: expected '{expected}', got '{got}'."


def judge_categories(gold, pred):
    """Shared categories over all that were named or expected (Jaccard); and which are missing or too many."""
    expected, got = set(gold.categories), set(getattr(pred, "categories", None) or [])
    score = len(expected & got) / len(expected | got)
    if score == 1.0:
        return score, f"Correct categories: {named(expected)}."
    feedback = [f"Wrong categories: expected {named(expected)}, got {named(got)}."]
    if expected - got:
        feedback.append(f"Missing: {named(expected - got)}.")
    if got - expected:
        feedback.append(f"Too many: {named(got - expected)}.")
    return score, " ".join(feedback)


def named(categories):
    return ", ".join(f"'{category}'" for category in sorted(categories)) or "none"
