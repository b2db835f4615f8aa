"""What is for sale, and what an order is."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

import rfc8785

PAYEE = "Corner Books"
ACCOUNT = "DE02 1203 0000 0000 2020 51"
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Book:
    """Something for sale. The price is a decimal string: money is never a float."""

    id: str
    title: str
    author: str
    price: str
    sample: str


BOOKS = {
    book.id: book
    for book in (
        Book("tides", "A Year of Tides", "M. Okafor", "49.90", "The harbour wakes before we do."),
        Book("maps", "Maps for the Lost", "I. Lindqvist", "18.00", "Every map begins as a doubt."),
        Book(
            "bread", "Slow Bread", "C. Moreau", "27.50", "Flour, water, salt, and somebody's time."
        ),
    )
}


class OrderState(StrEnum):
    """Where an order stands; `open` moves once."""

    OPEN = "open"
    PAID = "paid"
    REFUSED = "refused"


@dataclass(slots=True)
class Order:
    """One purchase by one person."""

    sub: str
    book: Book
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: OrderState = OrderState.OPEN
    reasons: tuple[str, ...] = ()

    @property
    def transaction(self) -> dict[str, str]:
        """What the person confirms on the phone. The order's id makes every payment a new one."""
        return {
            "type": "payment",
            "amount": self.book.price,
            "currency": CURRENCY,
            "payee": PAYEE,
            "account": ACCOUNT,
            "order": self.id,
        }

    @property
    def tx_hash(self) -> str:
        """base64url(SHA-256(RFC 8785 form)) of the transaction: what the id token must name."""
        digest = hashlib.sha256(rfc8785.dumps(self.transaction)).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
