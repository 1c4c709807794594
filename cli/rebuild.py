"""`slipstream rebuild`: make the table `orders` anew from the archive."""

from __future__ import annotations

import time

from rich.progress import Progress

from cli import addresses, options
from cli.console import EXIT_CODES, OK, Trouble, out, run
from shared.archive.errors import RebuildRunning
from shared.archive.rebuild import rebuild as rebuild_orders

rebuild_help = f"""
Examples:

  slipstream rebuild

  slipstream rebuild --database-url postgresql://localhost/slipstream

Everything goes on meanwhile: the new table grows beside the old one and takes its place in one
step. {EXIT_CODES}
"""


def rebuild(
    *,
    database_url: addresses.Database = None,
    data_dir: options.OfStack = None,
) -> None:
    """Fold the orders in Postgres anew from the archive of every event."""
    run(_rebuild(addresses.find(data_dir, database_url=database_url)))


async def _rebuild(found: addresses.Addresses) -> int:
    database_url = found.database()
    started = time.monotonic()
    with Progress(console=out, disable=not out.is_terminal) as progress:
        task = progress.add_task("events", total=None)
        try:
            events = await rebuild_orders(
                database_url,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        except (RebuildRunning, ValueError) as error:
            raise Trouble(f"The orders were not rebuilt: {error}.") from error
    out.print(f"rebuilt from {events:,} events in {time.monotonic() - started:.1f} s")
    return OK
