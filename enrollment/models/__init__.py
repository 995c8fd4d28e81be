from enrollment.models.cash import DepositLine, ReceiptBook
from enrollment.models.ledger import Approval, Bill, Document, Kind, Leg, RefundLine, Source
from enrollment.models.people import Household, Person
from enrollment.models.roll import Enrollment, Exemption, PaidRow, Return, Standing

__all__ = [
    "Approval",
    "Bill",
    "DepositLine",
    "Document",
    "Enrollment",
    "Exemption",
    "Household",
    "Kind",
    "Leg",
    "PaidRow",
    "Person",
    "ReceiptBook",
    "RefundLine",
    "Return",
    "Source",
    "Standing",
]
