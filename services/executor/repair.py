"""How an orphaned order gets back on its way. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.orders.codec import decode
from shared.orders.dispatch import ARCHIVES, next_group
from shared.orders.order import replay
from shared.orders.states import IN_FLIGHT


class Differs(Exception):
    """The history in Redis and the one in the archive say different things."""


class Restore(NamedTuple):
    """Redis lost these events, and the archive has them.

    `signed` if the order was signed by then. If not, it may have been signed in what was lost.
    """

    events: Sequence[bytes]
    signed: bool


class Redeliver(NamedTuple):
    """The group has to be given these events again."""

    group: str
    events: Sequence[bytes]


def repair(kept: Sequence[bytes], archived: Sequence[bytes]) -> Restore | Redeliver | None:
    """Return what to do about an order of which Redis and the archive hold this, if anything.

    Raises `Differs`, and `MalformedEvent` when the decisive event cannot be read.
    """
    both = min(len(kept), len(archived))
    if kept[:both] != archived[:both]:
        raise Differs
    if len(archived) > both:
        return _restored(kept, archived)
    if not kept:
        return None
    group = next_group(decode(kept[-1]))
    # The last event makes the archive let an ended history go, even where it lacks none.
    first = min(both, len(kept) - 1) if group == ARCHIVES else len(kept) - 1
    return Redeliver(group, kept[first:])


def _restored(kept: Sequence[bytes], archived: Sequence[bytes]) -> Restore | None:
    order = replay(map(decode, archived))
    if order is None or (order.ended and not kept):
        return None  # It has left Redis for good.
    return Restore(archived[len(kept) :], order.ended or order.state in IN_FLIGHT)
