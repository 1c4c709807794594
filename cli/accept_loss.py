"""`slipstream accept-loss`: go on with a Redis that has lost what it had acknowledged."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import addresses, options
from cli.conflicts import archive_of
from cli.console import EXIT_CODES, FAILED, OK, confirm, err, out, run
from cli.logs import log_of
from shared.streams.recovery.lost_writes import accept_loss as accept
from shared.streams.recovery.lost_writes import gaps

accept_loss_help = f"""
Example: slipstream accept-loss

First try what loses nothing: stop every service, and start Redis with its newest data, or empty
(docs/operations/recover.md). {EXIT_CODES}
"""
_WARNING = "What was done since then may be done again: orders may be swapped a second time."


def accept_loss(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    redis_url: addresses.Redis = None,
    database_url: addresses.Database = None,
    data_dir: options.OfStack = None,
) -> None:
    """Let the services go on with a Redis that has lost its latest writes. They may swap twice."""
    run(_accept(addresses.find(data_dir, redis_url=redis_url, database_url=database_url), yes=yes))


async def _accept(found: addresses.Addresses, *, yes: bool) -> int:
    async with archive_of(found) as archive, log_of(found) as log:
        archived = await archive.positions(log.keys.namespace)
        lost = await gaps(log, archived)
        for gap in lost:
            out.print(f"{gap}", markup=False)
        if not lost:
            out.print("Redis has lost nothing")
            return OK
        err.print(_WARNING)
        if not (yes or confirm("Go on all the same?")):
            return FAILED
        await accept(log, archived)
    out.print(f"accepted in {len(lost)} partitions")
    return OK
