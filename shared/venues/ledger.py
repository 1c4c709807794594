"""The simulated chain, kept in Redis so that every replica sees the same one.

It dedupes by signature only, as a real chain does. So an order signed twice is swapped twice
here, and the ledger shows it. It does not enforce block heights: nothing ever expires.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from redis.exceptions import ResponseError

from shared.batching import Coalescer, Full
from shared.orders.values import FailureReason, Receipt
from shared.streams.client import Client, Command, Script, checked
from shared.streams.errors import LogUnavailable
from shared.venues.protocol import (
    Answer,
    Failed,
    Landed,
    Pending,
    Unknown,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)

_ACCEPT = Script.load(__package__, "lua/accept.lua", when_full=True)
_STATUS = Script.load(__package__, "lua/status.lua")
_PAGE = 1_000


class Fate(StrEnum):
    """What becomes of a transaction once its delay is over."""

    LANDS = "lands"
    SLIPPAGE_EXCEEDED = "slippage_exceeded"
    FAILS = "fails"
    NEVER_LANDS = "never_lands"


class Swap(Struct, frozen=True, kw_only=True):
    """A transaction on the ledger. `amount_out` is what it pays if it lands."""

    order_id: str
    signature: str
    venue: str
    token_in: str
    token_out: str
    amount_in: Decimal
    amount_out: Decimal
    fate: Fate


class Ledger:
    """Every transaction the simulated chain took, for as long as it remembers."""

    def __init__(self, client: Client, *, namespace: str, retention_s: float) -> None:
        self._client = client
        self._chain = f"{namespace}:{{chain}}"
        self._retention_ms = int(retention_s * 1_000)
        self._accept: Coalescer[Command, Any] = Coalescer(client.run)

    async def accept(self, swap: Swap, *, delay_ms: int) -> None:
        """Take a transaction that lands, or fails, after `delay_ms`. A repeat changes nothing.

        Raises `VenueRejected` once its signature has been decided, `VenueUnavailable` or
        `VenueUnreachable` when it may or may not have been taken.
        """
        with _bad_news():
            known = checked(await self._accept(self._accept_command(swap, delay_ms)))
        if isinstance(_answer(known), Landed | Failed):
            raise VenueRejected("already processed")

    async def status(self, signatures: Sequence[str]) -> list[Answer]:
        """Return what the chain says of each signature, in order, in one round trip.

        Raises `VenueUnavailable` or `VenueUnreachable`.
        """
        if not signatures:
            return []
        keys = [self._transaction(signature) for signature in signatures]
        with _bad_news():
            known = await self._client.call(*_STATUS.command(keys, ()))
        return [_answer(one) for one in known]

    async def entries(self) -> AsyncIterator[Swap]:
        """Yield every transaction taken, oldest first, whatever its fate.

        Raises `LogUnavailable`.
        """
        start = "-"
        while page := await self._client.call(
            "XRANGE", f"{self._chain}:ledger", start, "+", "COUNT", _PAGE
        ):
            for _, fields in page:
                yield _swap(fields)
            start = f"({page[-1][0].decode()}"

    async def landed(self) -> AsyncIterator[Swap]:
        """Yield every swap that landed or, its fate being sealed, is about to, oldest first.

        Raises `LogUnavailable`.
        """
        async for swap in self.entries():
            if swap.fate is Fate.LANDS:
                yield swap

    def _transaction(self, signature: str) -> str:
        return f"{self._chain}:tx:{signature}"

    def _accept_command(self, swap: Swap, delay_ms: int) -> Command:
        keys = (self._transaction(swap.signature), f"{self._chain}:ledger")
        amounts = (str(swap.amount_in), str(swap.amount_out))
        names = (swap.order_id, swap.signature, swap.venue, swap.token_in, swap.token_out)
        times = (delay_ms, self._retention_ms)
        return _ACCEPT.command(keys, (*times, swap.fate.value, *amounts, *names))


@contextmanager
def _bad_news() -> Iterator[None]:
    try:
        yield
    except LogUnavailable as error:
        raise VenueUnreachable(str(error)) from error
    except (Full, ResponseError) as error:
        raise VenueUnavailable(str(error)) from error


def _answer(known: list[Any] | None) -> Answer:
    if known is None:
        return Unknown()
    lands_in_ms, fate, amount_in, amount_out = known[0], *map(bytes.decode, known[1:])
    if fate == Fate.NEVER_LANDS:
        return Unknown()
    if lands_in_ms > 0:
        return Pending()
    if fate == Fate.SLIPPAGE_EXCEEDED:
        detail = f"would have paid {amount_out}, less than the minimum"
        return Failed(FailureReason.SLIPPAGE_EXCEEDED, detail)
    if fate == Fate.FAILS:
        return Failed(FailureReason.FAILED_ON_CHAIN, "the program aborted")
    return Landed(Receipt(amount_in=Decimal(amount_in), amount_out=Decimal(amount_out)))


def _swap(fields: list[bytes]) -> Swap:
    texts = [field.decode() for field in fields]
    return msgspec.convert(dict(zip(texts[::2], texts[1::2], strict=True)), Swap)
