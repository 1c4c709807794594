"""`slipstream watch`: an order's life as it happens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from cli import addresses, options
from cli.addresses import client_of
from cli.console import EXIT_CODES, FAILED, OK, Trouble, err, out, run
from cli.timeline import line
from slipstream import AsyncClient

watch_help = f"""
Examples:

  slipstream watch 0199c0de-0000-7000-8000-000000000001

  slipstream watch $(slipstream submit SOL USDC 1.5)

A lost connection is resumed behind the last event that was seen. Exits with 0 once the order is
confirmed, with 1 if it ends otherwise. {EXIT_CODES}
"""

_COLOURS = {"confirmed": "green", "failed": "red", "cancelled": "yellow", "expired": "yellow"}


def watch(
    *,
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Show an order's history, and what happens to it until it ends."""
    gateway = addresses.find(data_dir, gateway=url).gateway
    run(client_of(gateway, api_key, lambda client: show(client, order_id)))


async def show(client: AsyncClient, order_id: str) -> int:
    """Print an order's timeline to its end, and return the exit code."""
    started: datetime | None = None
    status = ""
    async for event in client.follow(order_id, lost=_lost):
        started, status = started or event.at, event.status
        out.print(f"[{_COLOURS.get(status, 'cyan')}]{escape(line(event.fields, started))}[/]")
    if not status:
        raise Trouble(f"Order {order_id} has no events.")
    return OK if status == "confirmed" else FAILED


def _lost(why: str) -> None:
    err.print(f"[yellow]connection lost ({escape(why)}); trying again[/]")
