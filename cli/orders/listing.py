"""`slipstream orders list` and `fills`: in lines, as JSON, or as a file of CSV."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli import addresses, options
from cli.addresses import client_of
from cli.console import EXIT_CODES, OK, err, out, run
from cli.orders.words import as_json, fill_line, line, summary
from shared.orders.states import Status
from slipstream import AsyncClient, Fill, OrderSummary, Total

_PAGE = 200  # The most that the API gives at once.
_SHOWN = 20


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

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, one a line, with the names of the API.")
]
Csv = Annotated[
    bool, typer.Option("--csv", help="Write CSV, for spreadsheets: all, without a --limit.")
]
Count = Annotated[bool, typer.Option("--total", help="Tell how many match, up to 10,000.")]
Limit = Annotated[
    int | None, typer.Option(min=1, max=100_000, help=f"At most so many; {_SHOWN} if not given.")
]
Venue = Annotated[str | None, typer.Option(help="Only those routed to this venue.")]
TokenIn = Annotated[str | None, typer.Option(help="Together with --token-out.")]
TokenOut = Annotated[str | None, typer.Option(help="Together with --token-in.")]

list_help = f"""
Examples:

  slipstream orders list

  slipstream orders list --status failed --since 2026-01-31T12:00:00Z --limit 1000

  slipstream orders list --json | jq -r .orderId

  slipstream orders list --status confirmed --csv > orders.csv

Newest first; with --updated-since by that change, the oldest first. {EXIT_CODES}
"""
fills_help = f"""
Examples:

  slipstream orders fills --since 2026-01-01 --csv > january.csv

The one confirmed last first. --since and --until are about the confirmation. {EXIT_CODES}
"""


def list_orders(  # noqa: PLR0913 - one parameter an option
    *,
    status: Annotated[
        list[Status] | None, typer.Option(help="Only those that stand so. May be repeated.")
    ] = None,
    venue: Venue = None,
    token_in: TokenIn = None,
    token_out: TokenOut = None,
    client_order_id: Annotated[str | None, typer.Option(help="The client's own name.")] = None,
    signature: Annotated[str | None, typer.Option(help="The whole of it.")] = None,
    find: Annotated[
        str | None, typer.Option(help="How an id or a signature begins, or a client's name.")
    ] = None,
    unresolved: Annotated[
        bool, typer.Option("--unresolved", help="Only those the chain does not answer about.")
    ] = False,
    contradicted: Annotated[
        bool, typer.Option("--contradicted", help="Only those the chain says otherwise about.")
    ] = False,
    since: Instant = None,
    until: Instant = None,
    updated_since: Instant = None,
    limit: Limit = None,
    total: Count = False,
    json: Json = False,
    csv: Csv = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """List orders, newest first: id, when it was submitted, where it stands, what it swaps."""
    wanted: Any = {
        "status": status and [one.value for one in status],
        "venue": venue,
        "token_in": token_in,
        "token_out": token_out,
        "client_order_id": client_order_id,
        "signature": signature,
        "find": find,
        "unresolved": unresolved,
        "contradicted": contradicted,
        "since": since,
        "until": until,
        "updated_since": updated_since,
    }
    _check(csv=csv, json=json, total=total)

    async def orders_page(
        client: AsyncClient, cursor: str | None, most: int
    ) -> tuple[list[str], str | None, Total | None]:
        page = await client.page(
            cursor=cursor, limit=most, total=total and cursor is None, **wanted
        )
        show: Callable[[OrderSummary], str] = as_json if json else summary
        return [show(order) for order in page.orders], page.next, page.total

    async def work(client: AsyncClient) -> int:
        if csv:
            return await _write(client.orders_csv(limit=limit, **wanted))
        if not json:
            out.print(line("ORDER", "SUBMITTED", "STATUS", "SWAP"))
        return await _print(client, orders_page, limit or _SHOWN)

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


def list_fills(  # noqa: PLR0913 - one parameter an option
    *,
    venue: Venue = None,
    token_in: TokenIn = None,
    token_out: TokenOut = None,
    since: Instant = None,
    until: Instant = None,
    limit: Limit = None,
    total: Count = False,
    json: Json = False,
    csv: Csv = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """List confirmed swaps: what was given and received, and how that compares with the quote."""
    wanted: Any = {
        "venue": venue,
        "token_in": token_in,
        "token_out": token_out,
        "since": since,
        "until": until,
    }
    _check(csv=csv, json=json, total=total)

    async def fills_page(
        client: AsyncClient, cursor: str | None, most: int
    ) -> tuple[list[str], str | None, Total | None]:
        page = await client.fill_page(
            cursor=cursor, limit=most, total=total and cursor is None, **wanted
        )
        show: Callable[[Fill], str] = as_json if json else fill_line
        return [show(fill) for fill in page.fills], page.next, page.total

    async def work(client: AsyncClient) -> int:
        if csv:
            return await _write(client.fills_csv(limit=limit, **wanted))
        if not json:
            out.print(line("ORDER", "CONFIRMED", "STATUS", "SWAP"))
        return await _print(client, fills_page, limit or _SHOWN)

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


Page = Callable[
    [AsyncClient, str | None, int], Awaitable[tuple[list[str], str | None, Total | None]]
]


async def _print(client: AsyncClient, page: Page, limit: int) -> int:
    left, cursor, total = limit, None, None
    while left:
        lines, cursor, counted = await page(client, cursor, min(left, _PAGE))
        total = total or counted
        for one in lines:
            out.print(one, markup=False)
        left -= len(lines)
        if cursor is None:
            break
    if total is not None:
        err.print(f"{'' if total.exact else 'more than '}{total.count:,} match")
    if cursor is not None:
        err.print(f"there are more than {limit:,}: give a higher --limit")
    return OK


async def _write(parts: AsyncGenerator[bytes, None]) -> int:
    file = typer.get_binary_stream("stdout")
    try:
        async for part in parts:
            file.write(part)
        file.flush()
    except BrokenPipeError:
        out.on_broken_pipe()
    return OK


def _check(*, csv: bool, json: bool, total: bool) -> None:
    if csv and (json or total):
        raise typer.BadParameter("--csv goes without --json and --total")
