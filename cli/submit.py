"""`slipstream submit`: place one order."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import addresses, options
from cli.addresses import client_of
from cli.console import EXIT_CODES, OK, out, run
from cli.watch import show
from slipstream import AsyncClient

submit_help = f"""
Examples:

  slipstream submit SOL USDC 1.5

  slipstream submit SOL USDC 1.5 --slippage-bps 50 --watch

  slipstream submit SOL USDC 1.5 --key invoice-18   (any number of times: one order)

Prints the order's id. {EXIT_CODES}
"""


def submit(  # noqa: PLR0913 - one parameter an option
    *,
    token_in: Annotated[str, typer.Argument(help="The token to give, e.g. SOL.")],
    token_out: Annotated[str, typer.Argument(help="The token to get, e.g. USDC.")],
    amount: Annotated[str, typer.Argument(help="How much to give, e.g. 1.5.")],
    slippage_bps: Annotated[
        int,
        typer.Option(min=0, max=10_000, help="How far below the quote it may end, in 0.01 %."),
    ] = 100,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    key: Annotated[
        str | None, typer.Option(help="Idempotency-Key: the same key gives the same order.")
    ] = None,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.DataDir = options.DATA_DIR,
) -> None:
    """Place an order: give exactly AMOUNT of TOKEN_IN, get as much TOKEN_OUT as possible."""

    async def place(client: AsyncClient) -> int:
        order = await client.submit(
            token_in, token_out, amount, max_slippage_bps=slippage_bps, key=key
        )
        out.print(order.order_id, markup=False)
        return await show(client, order.order_id) if watch else OK

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, place))
