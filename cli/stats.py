"""`slipstream stats`: how much is going on."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from cli import addresses, options
from cli.addresses import client_of
from cli.console import EXIT_CODES, OK, out, run
from slipstream import AsyncClient, Stats

stats_help = f"""
Examples:

  slipstream stats

  slipstream stats --json | jq .lag

The figures are those of all accounts, at most a second old. {EXIT_CODES}
"""


def stats(
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the names of the API.")
    ] = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Tell how many orders wait, are under way and have ended, and how far services lag."""

    async def work(client: AsyncClient) -> int:
        found = await client.stats()
        out.print(msgspec.json.encode(found).decode() if json else _table(found), markup=False)
        return OK

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


def _table(found: Stats) -> str:
    rows: list[tuple[str, int | None]] = [
        *((f"orders {name}", count) for name, count in msgspec.to_builtins(found.queue).items()),
        ("sockets", found.websocket.connections),
        *((f"{service} lag", count) for service, count in found.lag.items()),
    ]
    return "\n".join(
        f"{name:<18}{'unknown' if count is None else f'{count:,}':>12}" for name, count in rows
    )
