"""Triage of messages to a facility support desk: how urgent, in what mood, about what."""

from typing import Literal

import dspy

Urgency = Literal["low", "medium", "high"]
Sentiment = Literal["negative", "neutral", "positive"]
Category = Literal["repair", "hygiene", "hazard", "scheduling", "billing", "training", "sustainability"]


class JudgeUrgency(dspy.Signature):
    """Read the message and determine its urgency."""

    message: str = dspy.InputField()
    urgency: Urgency = dspy.OutputField()


class JudgeSentiment(dspy.Signature):
    """Read the message and determine the sentiment of its sender."""

    message: str = dspy.InputField()
    sentiment: Sentiment = dspy.OutputField()


class FindCategories(dspy.Signature):
    """Read the message and determine the categories that apply to it."""

    message: str = dspy.InputField()
    categories: list[Category] = dspy.OutputField()


class FacilityTriage(dspy.Module):
    """Three predictors that read the same message independently."""

    def __init__(self):
        super().__init__()
        self.urgency = dspy.Predict(JudgeUrgency)
        self.sentiment = dspy.Predict(JudgeSentiment)
        self.categories = dspy.Predict(FindCategories)

    def forward(self, message: str) -> dspy.Prediction:
        return dspy.Prediction(
            urgency=self.urgency(message=message).urgency,
            sentiment=self.sentiment(message=message).sentiment,
            categories=self.categories(message=message).categories,
        )
