"""What a run leaves behind: what clients were told, and what was found when all was over.

A run is saved as JSON lines, one record each, and can be checked again from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct


class Record(Struct, frozen=True, kw_only=True, tag_field="record", tag=True):
    """One thing that was seen."""


class Injected(Record, frozen=True, kw_only=True):
    """A fault, so many seconds after the start."""

    at_s: float
    fault: str
    target: str


class Fell(Record, frozen=True, kw_only=True):
    """A service that ended though nobody had told it to."""

    service: str


class Answer(Record, frozen=True, kw_only=True):
    """What a gateway answered. `status` is 0 where the connection broke first.

    `asked` is `place`, `cancel` or `follow`; `key` is the order's clientOrderId, and `told` the
    status that the answer says the order has. `late`: the order's own deadline had passed.
    """

    asked: str
    key: str
    status: int
    code: str = ""
    order_id: str | None = None
    told: str = ""
    late: bool = False


class Told(Struct, frozen=True, array_like=True):
    """One update of a WebSocket."""

    version: int
    status: str


class Connection(Record, frozen=True, kw_only=True):
    """One WebSocket from its first message to its end. `closed` is the code it ended with."""

    order_id: str
    since: int
    told: tuple[Told, ...]
    closed: int | None


class ToldOf(Struct, frozen=True, array_like=True):
    """One event of the stream of all orders."""

    order_id: str
    version: int
    status: str


class Stream(Record, frozen=True, kw_only=True):
    """One connection of a client that follows all orders: each goes on where the last one was.

    `lost` is what it was told to be lost.
    """

    told: tuple[ToldOf, ...]
    lost: tuple[str, ...] = ()


class Archived(Record, frozen=True, kw_only=True):
    """An order's events in Postgres, by version."""

    order_id: str
    versions: tuple[int, ...]
    events: tuple[str, ...]


class Listed(Record, frozen=True, kw_only=True):
    """An order's events in Redis, which lets them go after a while."""

    order_id: str
    events: tuple[str, ...]


class Row(Record, frozen=True, kw_only=True):
    """An order as it stands in the table `orders`."""

    order_id: str
    version: int
    status: str
    unresolved: bool
    submitted_at: datetime | None
    updated_at: datetime
    attempts: int
    venue: str | None
    signature: str | None
    amount_out: Decimal | None
    price: Decimal | None
    failure_reason: str | None
    cancel_requested: bool
    contradicted: bool


class Swapped(Record, frozen=True, kw_only=True):
    """A transaction that landed on the chain, with the balances it moved where they are known."""

    order_id: str
    signature: str
    amount_in: Decimal | None = None
    amount_out: Decimal | None = None


class TakenBack(Record, frozen=True, kw_only=True):
    """A transaction that a fork took off the chain, whether or not it landed again."""

    signature: str


class Audited(Record, frozen=True, kw_only=True):
    """A claim of `slipstream audit funds`, and whatever it does not hold for."""

    claim: str
    broken: tuple[str, ...]


AnyRecord = (
    Injected
    | Fell
    | Answer
    | Connection
    | Stream
    | Archived
    | Listed
    | Row
    | Swapped
    | TakenBack
    | Audited
)

_decoder = msgspec.json.Decoder(AnyRecord)


def save(path: Path, records: Iterable[Record]) -> None:
    """Write a run to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for record in records:
            file.write(msgspec.json.encode(record) + b"\n")


def load(path: Path) -> Iterator[AnyRecord]:
    """Yield what `save` wrote."""
    with path.open("rb") as file:
        for line in file:
            yield _decoder.decode(line)
