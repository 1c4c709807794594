"""How much is going on, in a few figures."""

from __future__ import annotations

from collections.abc import Mapping

from slipstream.model import Model


class Queue(Model, frozen=True, kw_only=True):
    """Orders of all accounts by how far they are.

    Those `waiting` are accepted, those `active` are routed, signed or confirmed; the others have
    ended so, ever.
    """

    waiting: int
    active: int
    completed: int
    failed: int
    cancelled: int
    expired: int


class Connections(Model, frozen=True, kw_only=True):
    """WebSockets that are open at the gateway that answered."""

    connections: int


class Stats(Model, frozen=True, kw_only=True):
    """The figures, at most a second old.

    `lag` is how many entries of the log each service has before it; None where Redis cannot tell.
    """

    queue: Queue
    websocket: Connections
    lag: Mapping[str, int | None]
