"""Which orders are meant, and where a page of them begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from shared.orders.states import Status


class Place(NamedTuple):
    """Where a page begins: behind the order that has this time and this id.

    The time is that by which the list is in order: when orders were submitted, last changed, or
    confirmed.
    """

    at: datetime
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders are meant; what is not given does not matter. `since` counts, `until` not.

    With `updated_since` the list is of changes since that time, the oldest first; else it is of
    orders, the newest first. `find` is the beginning of an order's id or of its signature, or the
    whole of its `client_order_id`.
    """

    account: str | None = None
    client_order_id: str | None = None
    statuses: frozenset[Status] = frozenset()
    venue: str | None = None
    token_in: str | None = None
    token_out: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    updated_since: datetime | None = None
    signature: str | None = None
    find: str | None = None
    unresolved: bool = False
    contradicted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FillFilter:
    """Which fills are meant, by when they were confirmed. `since` counts, `until` not."""

    account: str | None = None
    venue: str | None = None
    token_in: str | None = None
    token_out: str | None = None
    since: datetime | None = None
    until: datetime | None = None
