"""How an answered complaint is judged: each of the seven modules counts the same."""

import dspy

FINDINGS = ("order_number", "product", "fault", "severity", "mood", "remedy")


def complaint_metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
    """Mean of the seven scores from 0 to 1, with feedback for the module that `pred_name` names.

    Without `pred_name` the feedback speaks of all seven.
    """
    parts = {field: judge_finding(field, gold, pred) for field in FINDINGS}
    parts["reply"] = judge_reply(gold, pred)
    score = sum(part_score for part_score, _ in parts.values()) / len(parts)
    named = [pred_name] if pred_name in parts else list(parts)
    return dspy.Prediction(score=score, feedback="\n".join(parts[name][1] for name in named))


def judge_finding(field, gold, pred):
    """1 for the expected value, else 0; and what was expected."""
    expected, got = gold[field], getattr(pred, field, None)
    if got == expected:
        return 1.0, f"Correct {field}: '{expected}'."
    return 0.0, f"Wrong {field}: expected '{expected}', got '{got}'."


def judge_reply(gold, pred):
    """Half for the order number in the reply, half for the remedy; underscores may be spaces."""
    reply = str(getattr(pred, "reply", None) or "").lower()
    wanted = {"order number": gold.order_number, "remedy": gold.remedy.replace("_", " ")}
    missing = [f"the {what} '{text}'" for what, text in wanted.items() if text.lower() not in reply]
    if not missing:
        return 1.0, "Good reply: it names the order number and the remedy."
    feedback = f"The reply does not name {' and '.join(missing)}. A good reply: '{gold.reply}'"
    return 1.0 - len(missing) / len(wanted), feedback
