"""What one client, and all together, may take. Past a bound there is a plain refusal."""

from __future__ import annotations

from typing import Final

BODY: Final = 4 * 1024 * 1024  # Bytes of a request: a batch of 1,000 of the largest transactions.
BODY_S: Final = 30.0  # So long a client may take to send it.
MESSAGE: Final = 65_536  # Bytes that a client may send over a WebSocket at once.
CONNECTIONS: Final = 1_000  # Of both kinds.
SUBSCRIPTIONS: Final = 10_000  # Of one WebSocket.
WAITING: Final = 1_000  # Messages that wait for one client to read; then it is dropped.
GRACE_S: Final = 2  # Before what is under way is cut off at the end.
