"""`slipstream venues`: how the venues do."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cli import addresses, options
from cli.addresses import client_of
from cli.console import EXIT_CODES, OK, out, run
from slipstream import AsyncClient, Venue

_COLUMNS = ("venue", "state", "quotes", "p99", "won", "landed", "lost", "realised", "discount")

venues_help = f"""
Examples:

  slipstream venues

  slipstream venues --json | jq '.[] | select(.state != "up")'

Counts are those of all replicas, and fade: each halves every ten minutes. {EXIT_CODES}
"""


def venues(
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the names of the API.")
    ] = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Tell which venues orders go to, which are passed over, and whether they pay what they quote.

    `realised` is what landed swaps paid, by what was quoted. A venue with a discount has a bad
    record: its quotes count for so much less.
    """

    async def work(client: AsyncClient) -> int:
        found = await client.venues()
        if json:
            out.print(msgspec.json.encode(found).decode(), markup=False, soft_wrap=True)
            return OK
        out.print(_table(found))
        for venue in found:
            if venue.why:
                out.print(f"{venue.name}: {venue.why}", markup=False)
        return OK

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


def _table(found: tuple[Venue, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in _COLUMNS[:2] else "right")
    for venue in found:
        table.add_row(*_row(venue))
    return table


def _row(venue: Venue) -> tuple[str, ...]:
    asked = venue.quotes
    return (
        venue.name,
        venue.state,
        f"{asked.answered:,.0f}",
        f"{asked.p99_ms:g} ms" if asked.p99_ms is not None else "-",
        f"{venue.won:,.0f}",
        f"{venue.landed:,.0f}",
        f"{sum(venue.lost.values()):,.0f}",
        f"{venue.realised:.4%}" if venue.realised is not None else "-",
        f"{venue.discount_bps / 100:.2f} %" if venue.discount_bps else "-",
    )
