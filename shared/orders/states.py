"""The states of an order, and the status that clients see."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """An order's state: as fine as the transition table needs."""

    PENDING = "pending"
    ROUTING = "routing"
    ROUTED = "routed"
    SIGNED = "signed"
    SENT = "sent"
    UNRESOLVED = "unresolved"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Status(StrEnum):
    """An order's status for clients. `submitted` means sent to the chain, not posted to us."""

    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


STATUS = {
    State.PENDING: Status.PENDING,
    State.ROUTING: Status.ROUTING,
    State.ROUTED: Status.BUILDING,
    State.SIGNED: Status.BUILDING,
    State.SENT: Status.SUBMITTED,
    State.UNRESOLVED: Status.SUBMITTED,
    State.CONFIRMED: Status.CONFIRMED,
    State.FAILED: Status.FAILED,
    State.CANCELLED: Status.CANCELLED,
    State.EXPIRED: Status.EXPIRED,
}

IN_FLIGHT = frozenset({State.SIGNED, State.SENT, State.UNRESOLVED})
ENDS = frozenset({State.CONFIRMED, State.FAILED, State.CANCELLED, State.EXPIRED})
END_STATUSES = frozenset(STATUS[state] for state in ENDS)
