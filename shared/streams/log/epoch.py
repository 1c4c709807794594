"""The name of a log's whole life: another one where Redis came back empty, or a loss was accepted.

Whoever has a place in the log of another epoch knows nothing about this one.
"""

from __future__ import annotations

import secrets

from shared.streams.log.log import Log

EPOCH_BYTES = 8


async def epoch_of(log: Log) -> str:
    """Return the epoch of the log, in hex; the first to ask begins one. Raises `LogUnavailable`."""
    found = await log.client.call("GET", log.keys.epoch)
    if found is None:
        await log.client.call("SET", log.keys.epoch, _new(), "NX")
        found = await log.client.call("GET", log.keys.epoch)
    return str(found.decode())


async def begin_epoch(log: Log) -> None:
    """Begin another epoch: nobody may go on from a place that was noted before.

    Raises `LogUnavailable`.
    """
    await log.client.call("SET", log.keys.epoch, _new())


def _new() -> str:
    return secrets.token_hex(EPOCH_BYTES)
