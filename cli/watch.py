"""`slipstream watch`: an order's life as it happens, or that of all orders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from cli import addresses, options
from cli.addresses import client_of
from cli.console import EXIT_CODES, FAILED, OK, Trouble, err, out, run
from cli.timeline import brief, line
from slipstream import AsyncClient, Lost

watch_help = f"""
Examples:

  slipstream watch 0199c0de-0000-7000-8000-000000000001

  slipstream watch $(slipstream submit SOL USDC 1.5)

  slipstream watch

A lost connection is resumed behind the last event that was seen. Exits with 0 once the order is
confirmed, with 1 if it ends otherwise; without an order, only when it is interrupted. {EXIT_CODES}
"""

_COLOURS = {"confirmed": "green", "failed": "red", "cancelled": "yellow", "expired": "yellow"}


def watch(
    *,
    order_id: Annotated[
        str | None, typer.Argument(help="The order's id; all of the key's orders without one.")
    ] = None,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Show an order's history, and what happens to it until it ends; or what happens to all."""
    gateway = addresses.find(data_dir, gateway=url).gateway

    async def shown(client: AsyncClient) -> int:
        return await (show_all(client) if order_id is None else show(client, order_id))

    run(client_of(gateway, api_key, shown))


async def show(client: AsyncClient, order_id: str) -> int:
    """Print an order's timeline to its end, and return the exit code."""
    started: datetime | None = None
    status = ""
    async for event in client.follow(order_id, lost=_lost):
        started, status = started or event.at, event.status
        _print(status, line(event.fields, started))
    if not status:
        raise Trouble(f"Order {order_id} has no events.")
    return OK if status == "confirmed" else FAILED


async def show_all(client: AsyncClient) -> int:
    """Print what happens to all orders of the account, for ever."""
    async for event in client.follow_account(lost=_lost):
        if isinstance(event, Lost):
            err.print(
                f"[red]{escape(event.why)}: `slipstream orders list` has what happened since "
                f"{event.since:%H:%M:%S} UTC[/]"
            )
        else:
            _print(event.status, brief(event.fields))
    return OK


def _print(status: str, text: str) -> None:
    out.print(f"[{_COLOURS.get(status, 'cyan')}]{escape(text)}[/]")


def _lost(why: str) -> None:
    err.print(f"[yellow]connection lost ({escape(why)}); trying again[/]")
