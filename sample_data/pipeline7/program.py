"""Seven modules in a chain that answer a complaint: each one reads what those before it found out."""

from typing import Literal

import dspy

Product = Literal["cooking", "floorcare", "lighting", "climate"]
Fault = Literal["breakage", "malfunction", "shortage", "mixup", "delay"]
Severity = Literal["minor", "serious", "critical"]
Mood = Literal["calm", "annoyed", "furious"]
Remedy = Literal["exchange", "refund", "repair", "spare_part", "voucher", "recall"]


class ReadOrder(dspy.Signature):
    """Find the order number in the message."""

    message: str = dspy.InputField()
    order_number: str = dspy.OutputField()


class NameProduct(dspy.Signature):
    """Decide which product family the message is about."""

    message: str = dspy.InputField()
    product: Product = dspy.OutputField()


class NameFault(dspy.Signature):
    """Decide what went wrong with the order."""

    message: str = dspy.InputField()
    product: Product = dspy.InputField()
    fault: Fault = dspy.OutputField()


class JudgeSeverity(dspy.Signature):
    """Decide how bad it is for the customer."""

    message: str = dspy.InputField()
    fault: Fault = dspy.InputField()
    severity: Severity = dspy.OutputField()


class ReadMood(dspy.Signature):
    """Decide in what mood the customer writes."""

    message: str = dspy.InputField()
    mood: Mood = dspy.OutputField()


class ChooseRemedy(dspy.Signature):
    """Choose what the shop offers the customer."""

    fault: Fault = dspy.InputField()
    severity: Severity = dspy.InputField()
    mood: Mood = dspy.InputField()
    remedy: Remedy = dspy.OutputField()


class WriteReply(dspy.Signature):
    """Write a short reply that names the order number and the remedy."""

    order_number: str = dspy.InputField()
    remedy: Remedy = dspy.InputField()
    reply: str = dspy.OutputField()


class ComplaintPipeline(dspy.Module):
    def __init__(self):
        super().__init__()
        self.order_number = dspy.Predict(ReadOrder)
        self.product = dspy.Predict(NameProduct)
        self.fault = dspy.Predict(NameFault)
        self.severity = dspy.Predict(JudgeSeverity)
        self.mood = dspy.Predict(ReadMood)
        self.remedy = dspy.Predict(ChooseRemedy)
        self.reply = dspy.Predict(WriteReply)

    def forward(self, message: str) -> dspy.Prediction:
        order_number = self.order_number(message=message).order_number
        product = self.product(message=message).product
        fault = self.fault(message=message, product=product).fault
        severity = self.severity(message=message, fault=fault).severity
        mood = self.mood(message=message).mood
        remedy = self.remedy(fault=fault, severity=severity, mood=mood).remedy
        reply = self.reply(order_number=order_number, remedy=remedy).reply
        return dspy.Prediction(
            order_number=order_number,
            product=product,
            fault=fault,
            severity=severity,
            mood=mood,
            remedy=remedy,
            reply=reply,
        )
