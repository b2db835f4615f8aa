"""What one browser is doing in the shop."""

from dataclasses import dataclass, field
from typing import Any

from examples.relying_party.oidc_client import Pending
from examples.relying_party.shop import Order

SESSION_SECONDS = 3600
MOST_PENDING = 10


@dataclass(slots=True)
class Visitor:
    """A session's data: who it is, by the last believed id token, and what is under way."""

    identity: dict[str, Any] | None = None
    pending: dict[str, Pending] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    def expect(self, pending: Pending) -> None:
        """Remember a request until its answer comes; the oldest beyond ten is forgotten."""
        self.pending[pending.state] = pending
        while len(self.pending) > MOST_PENDING:
            self.pending.pop(next(iter(self.pending)), None)

    def signed_in(self, identity: dict[str, Any]) -> "Visitor":
        """Return the data of the session that begins now; another person gets no orders."""
        same = self.identity is None or self.identity["sub"] == identity["sub"]
        return Visitor(identity, orders=self.orders if same else {})
