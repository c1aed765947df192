"""Reads an e-mail about an invoice into a record of typed fields."""

from datetime import date
from enum import StrEnum

import dspy
from pydantic import BaseModel, Field


class Kind(StrEnum):
    FIRST_NOTICE = "first_notice"
    DUNNING = "dunning"
    CREDIT = "credit"
    AMENDMENT = "amendment"


class Terms(StrEnum):
    PREPAID = "prepaid"
    NET_14 = "net_14"
    NET_30 = "net_30"
    ON_DELIVERY = "on_delivery"


class Currency(StrEnum):
    EUR = "EUR"
    GBP = "GBP"
    USD = "USD"
    CHF = "CHF"


class Category(StrEnum):
    STATIONERY = "stationery"
    FURNITURE = "furniture"
    CATERING = "catering"
    TOOLS = "tools"
    LIGHTING = "lighting"


class LineItem(BaseModel):
    description: str
    quantity: int = Field(ge=1)
    category: Category


class Payment(BaseModel):
    terms: Terms
    currency: Currency
    total: float = Field(ge=0)


class Invoice(BaseModel):
    vendor: str
    number: str
    issued: date
    kind: Kind
    items: list[LineItem]
    payment: Payment


class ExtractInvoice(dspy.Signature):
    """Extract the invoice from the e-mail."""

    email: str = dspy.InputField()
    invoice: Invoice = dspy.OutputField()


class ReadInvoice(dspy.Module):
    def __init__(self):
        super().__init__()
        self.extract = dspy.Predict(ExtractInvoice)

    def forward(self, email: str) -> dspy.Prediction:
        return self.extract(email=email)
