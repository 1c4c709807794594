"""`slipstream orders`: look at orders, and cancel them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from cli import addresses, options, splits
from cli.addresses import client_of
from cli.conflicts import show_fields
from cli.console import EXIT_CODES, OK, err, out, run
from shared.clock import rfc3339
from shared.orders.states import Status
from slipstream import AsyncClient, Filter, Order, OrderSummary

app = typer.Typer(
    help="List orders, show one, cancel one.", epilog=EXIT_CODES, no_args_is_help=True
)

_PAGE = 200  # The most that the API gives at once.

OrderId = Annotated[str, typer.Argument(help="The order's id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the names of the API.")]


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} must be like 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None


Instant = Annotated[
    datetime | None, typer.Option(parser=_instant, metavar="TIME", help="UTC unless it says else.")
]

list_help = f"""
Examples:

  slipstream orders list

  slipstream orders list --status failed --since 2026-01-31T12:00:00Z --limit 1000

  slipstream orders list --json | jq -r .orderId

Newest first. With --json, one order a line. {EXIT_CODES}
"""


@app.command(name="list", epilog=list_help)
def list_orders(  # noqa: PLR0913 - one parameter an option
    *,
    status: Annotated[Status | None, typer.Option(help="Only those that stand so.")] = None,
    venue: Annotated[str | None, typer.Option(help="Only those routed to this venue.")] = None,
    token_in: Annotated[str | None, typer.Option(help="Together with --token-out.")] = None,
    token_out: Annotated[str | None, typer.Option(help="Together with --token-in.")] = None,
    client_order_id: Annotated[str | None, typer.Option(help="The client's own name.")] = None,
    since: Instant = None,
    until: Instant = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 20,
    json: Json = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """List orders, newest first: id, when it was submitted, where it stands, what it swaps."""
    wanted: Any = {
        "status": status and status.value,
        "venue": venue,
        "token_in": token_in,
        "token_out": token_out,
        "client_order_id": client_order_id,
        "since": since,
        "until": until,
    }
    gateway = addresses.find(data_dir, gateway=url).gateway
    run(client_of(gateway, api_key, lambda client: _list(client, wanted, limit, json=json)))


@app.command(epilog="Example: slipstream orders show 0199c0de-0000-7000-8000-000000000001")
def show(
    *,
    order_id: OrderId,
    json: Json = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Show an order as it stands, and how it came there."""

    async def work(client: AsyncClient) -> int:
        return _show(await client.get(order_id), json=json)

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


@app.command(epilog="Example: slipstream orders cancel 0199c0de-0000-7000-8000-000000000001")
def cancel(
    *,
    order_id: OrderId,
    json: Json = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Cancel an order, which is possible until it is signed. Show it as it stands then."""

    async def work(client: AsyncClient) -> int:
        return _show(await client.cancel(order_id), json=json)

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


async def _list(client: AsyncClient, wanted: Filter, limit: int, *, json: bool) -> int:
    if not json:
        out.print(_line("ORDER", "SUBMITTED", "STATUS", "SWAP"))
    left, cursor = limit, None
    while left:
        page = await client.page(cursor=cursor, limit=min(left, _PAGE), **wanted)
        for order in page.orders:
            out.print(_json(order) if json else _summary(order), markup=False)
        left, cursor = left - len(page.orders), page.next
        if cursor is None:
            return OK
    err.print(f"there are more than {limit:,}: give a higher --limit")
    return OK


def _line(order_id: str, submitted: str, status: str, swap: str) -> str:
    return f"{order_id:<36}  {submitted:<20}  {status:<9}  {swap}"


def _summary(order: OrderSummary) -> str:
    swap = f"{_swap(order)}{_why(order.failure_reason)}{_flags(order)}"
    return _line(order.order_id, rfc3339(order.submitted_at, "seconds"), order.status, swap)


def _swap(order: Order | OrderSummary) -> str:
    received = "" if order.amount_out is None else f"{order.amount_out:f} "
    venue = f" at {order.venue}" if order.venue else ""
    return f"{order.amount_in:f} {order.token_in} for {received}{order.token_out}{venue}"


def _why(reason: str | None) -> str:
    return f", {reason}" if reason else ""


def _flags(order: Order | OrderSummary) -> str:
    flags = {
        "the chain does not answer": order.unresolved,
        "to be cancelled": order.cancel_requested and order.status == "submitted",
        "the chain says otherwise": order.contradicted,
    }
    return "".join(f", {words}" for words, holds in flags.items() if holds)


def _show(order: Order, *, json: bool) -> int:
    if json:
        out.print(_json(order), markup=False)
        return OK
    show_fields({name: value for name, value in _fields(order) if value})
    return OK


def _fields(order: Order) -> Iterator[tuple[str, str]]:
    yield "order", order.order_id
    yield "status", f"{order.status}{_flags(order)}"
    yield "swap", f"{_swap(order)}, at most {order.max_slippage_bps} bps below the quote"
    yield "split", _split(order)
    yield "at least", f"{order.min_out:f} {order.token_out}" if order.min_out else ""
    yield "price", f"{order.price:.8g}" if order.price else ""
    yield "failure", f"{order.failure.reason}: {order.failure.detail}" if order.failure else ""
    yield "signature", order.signature or ""
    yield "name", order.client_order_id or ""
    yield "expires", rfc3339(order.expires_at, "seconds") if order.expires_at else ""
    for change in order.status_history:
        yield change.status, rfc3339(change.at)


def _split(order: Order) -> str:
    quotes = (quote for quote in order.quotes if quote.venue == order.venue)
    return next((splits.words(one, order.amount_in, order.token_out) for one in quotes), "")


def _json(shown: Order | OrderSummary) -> str:
    return msgspec.json.encode(shown).decode()
