"""A help desk router: one message in, the team that should handle it out."""

from typing import Literal

import dspy

Team = Literal["identity", "devices", "network", "facilities", "purchasing", "payroll"]


class RouteMessage(dspy.Signature):
    """Decide which team handles the message."""

    message: str = dspy.InputField(desc="what an employee wrote to the help desk")
    team: Team = dspy.OutputField(desc="the team that handles it")


class Router(dspy.Module):
    def __init__(self):
        super().__init__()
        self.route = dspy.Predict(RouteMessage)

    def forward(self, message: str) -> dspy.Prediction:
        return self.route(message=message)
