"""How a routed message is judged: the right team or not, and a word on why."""

import dspy


def routed_right(example, pred, trace=None, pred_name=None):
    """1 for the right team, 0 for any other; optimizers that read feedback also learn which it should be."""
    team = getattr(pred, "team", None)
    if team == example.team:
        return dspy.Prediction(score=1.0, feedback=f"Correct: '{example.team}' handles this message.")
    return dspy.Prediction(score=0.0, feedback=f"Wrong team: expected '{example.team}', got '{team}'.")
