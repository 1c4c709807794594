"""The simulated chain, kept in Redis so that every replica sees the same one.

It dedupes by signature only, as a real chain does. So an order signed twice is swapped twice
here, and the ledger shows it. Its height is the server's clock in blocks; a transaction is taken
up to its last block, and lands by then or never.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.concurrency.coalescer import Coalescer
from shared.orders.values import FailureReason, Receipt, SignedTransaction
from shared.streams.redis.client import Client
from shared.streams.redis.scripts import Script
from shared.venues.bad_news import BAD_NEWS
from shared.venues.blocks import Blocks
from shared.venues.protocol import (
    Answer,
    Failed,
    Landed,
    Pending,
    Unknown,
    VenueRejected,
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


class _Taking(NamedTuple):
    """A transaction on its way onto the ledger."""

    swap: Swap
    delay_ms: int
    valid_until: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Swap)


class Ledger:
    """Every transaction the simulated chain took, for as long as it remembers."""

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        retention_s: float,
        block_ms: int = 400,
        valid_blocks: int = 150,
    ) -> None:
        """`valid_blocks` is how long, from its signing on, a transaction is taken."""
        self._client = client
        self._chain = f"{namespace}:{{chain}}"
        kept_ms = int(retention_s * 1_000)
        self._blocks = Blocks(every_ms=block_ms, valid=valid_blocks, kept_ms=kept_ms)
        self._accept: Coalescer[_Taking, Any] = Coalescer(self._take)
        self._now: Coalescer[None, int] = Coalescer(self._clock)
        self._height, self._height_until = 0, -math.inf

    async def last_block(self) -> int:
        """Return the last block for a transaction that is signed now.

        Raises as `status` does.
        """
        # For one block the height need not be asked again: it errs towards an earlier limit.
        asked = time.monotonic()
        if asked >= self._height_until:
            with BAD_NEWS:
                self._height = self._blocks.height(await self._now(None))
            self._height_until = asked + self._blocks.every_ms / 1_000
        return self._height + self._blocks.valid

    async def accept(self, swap: Swap, *, delay_ms: int, valid_until: int) -> None:
        """Take a transaction that lands, or fails, after `delay_ms`. A repeat changes nothing.

        Raises `VenueRejected` once its signature has been decided or the chain is past block
        `valid_until`, `VenueUnavailable` or `VenueUnreachable` when it may have been taken or not.
        """
        with BAD_NEWS:
            known = await self._accept(_Taking(swap, delay_ms, valid_until))
        if isinstance(known, int):
            raise VenueRejected(f"it was valid up to block {valid_until}, this is block {known}")
        if isinstance(_answer(known), Landed | Failed):
            raise VenueRejected("already processed")

    async def status(self, signatures: Sequence[str], *, behind: int = 0) -> list[Answer]:
        """Return what a node, some blocks `behind`, says of each signature, in one round trip.

        Raises `VenueUnavailable` or `VenueUnreachable`.
        """
        _, answers = await self._look(signatures, behind)
        return answers

    async def search(
        self, transactions: Sequence[SignedTransaction], *, behind: int = 0, pruned: bool = False
    ) -> list[Answer]:
        """Return what such a node says from its history; `pruned` if it has kept none."""
        signatures = [transaction.signature for transaction in transactions]
        seen_ms, answers = await self._look(signatures, behind)
        return [
            self._blocks.absence(transaction.valid_until, seen_ms, pruned=pruned)
            if answer == Unknown()
            else answer
            for transaction, answer in zip(transactions, answers, strict=True)
        ]

    async def _look(self, signatures: Sequence[str], behind: int) -> tuple[int, list[Answer]]:
        keys = [f"{self._chain}:ledger", *map(self._transaction, signatures)]
        command = _STATUS.command(keys, (behind * self._blocks.every_ms,))
        with BAD_NEWS:
            seen_ms, known = await self._client.call(*command)
        return seen_ms, [_answer(one) for one in known]

    async def _clock(self, asked: Sequence[None]) -> list[int]:
        now_ms, _ = await self._look((), 0)
        return [now_ms] * len(asked)

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

    async def _take(self, taking: Sequence[_Taking]) -> list[Any]:
        keys = [f"{self._chain}:ledger"]
        args: list[str | int | bytes] = [self._blocks.kept_ms, self._blocks.every_ms]
        for swap, delay_ms, valid_until in taking:
            keys.append(self._transaction(swap.signature))
            amounts = f"{swap.amount_in} {swap.amount_out}"
            args += (delay_ms, valid_until, swap.fate.value, amounts, _encoder.encode(swap))
        known: list[Any] = await self._client.call(*_ACCEPT.command(keys, args))
        return known


def _answer(known: list[Any] | None) -> Answer:
    if known is None:
        return Unknown()
    lands_in_ms, fate, amounts = known[0], *map(bytes.decode, known[1:])
    if fate == Fate.NEVER_LANDS:
        return Unknown()
    if lands_in_ms > 0:
        return Pending()
    amount_in, amount_out = amounts.split(" ")
    if fate == Fate.SLIPPAGE_EXCEEDED:
        detail = f"would have paid {amount_out}, less than the minimum"
        return Failed(FailureReason.SLIPPAGE_EXCEEDED, detail)
    if fate == Fate.FAILS:
        return Failed(FailureReason.FAILED_ON_CHAIN, "the program aborted")
    return Landed(Receipt(amount_in=Decimal(amount_in), amount_out=Decimal(amount_out)))


def _swap(fields: list[bytes]) -> Swap:
    _, fate, _, swap = fields
    # As it was meant, but for what no block took in time.
    return replace(_decoder.decode(swap), fate=Fate(fate.decode()))
