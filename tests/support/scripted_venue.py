"""A venue that does what the test says, and remembers what was asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, Receipt, Route, SignedTransaction, SwapIntent
from shared.venues.protocol import Answer, Landed, Unknown
from tests.support.builders import a_quote

LANDED = Landed(Receipt(amount_in=Decimal("1.5"), amount_out=Decimal(225)))


@dataclass
class ScriptedVenue:
    """Each call does its part of the script; without one, all goes well and nothing lands."""

    name: str = "raydium"
    on_quote: Callable[[SwapIntent], Quote] | None = None
    on_build: Callable[[SwapIntent, Route], None] = lambda _intent, _route: None
    on_send: Callable[[SignedTransaction], None] = lambda _transaction: None
    on_status: Callable[[str], Answer] = lambda _signature: Unknown()
    on_search: Callable[[SignedTransaction], Answer] = lambda _transaction: Unknown()
    built: int = 0
    sent: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def quote(self, intent: SwapIntent) -> Quote:
        return self.on_quote(intent) if self.on_quote else a_quote(self.name)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        self.built += 1
        self.on_build(routed.intent, routed.route)
        return SignedTransaction(
            signature=f"{routed.order_id}-{self.built}", payload=b"bytes", valid_until=1_000
        )

    async def send(self, transaction: SignedTransaction) -> None:
        self.sent.append(transaction.signature)
        self.on_send(transaction)

    async def status(self, signatures: Sequence[str]) -> Sequence[Answer]:
        self.asked += signatures
        return [self.on_status(signature) for signature in signatures]

    async def search(self, transactions: Sequence[SignedTransaction]) -> Sequence[Answer]:
        return [self.on_search(transaction) for transaction in transactions]
