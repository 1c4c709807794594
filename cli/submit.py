"""`slipstream submit`: place one order."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from cli import addresses, options
from cli.addresses import client_of
from cli.console import EXIT_CODES, OK, err, out, program, run
from cli.watch import show
from slipstream import AsyncClient, Refused, SlipstreamError

submit_help = f"""
Examples:

  slipstream submit SOL USDC 1.5

  slipstream submit SOL USDC 1.5 --slippage-bps 50 --watch

  slipstream submit SOL USDC 1.5 --key invoice-18   (any number of times: one order)

Prints the order's id. Where the order may have been placed without an answer, prints how to ask,
and how to run it again without a second order. {EXIT_CODES}
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
        str | None,
        typer.Option(help="Idempotency-Key: the same key gives the same order. Else one is made."),
    ] = None,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Place an order: give exactly AMOUNT of TOKEN_IN, get as much TOKEN_OUT as possible."""
    known = key or uuid4().hex
    where = _words(url=url, data_dir=data_dir)
    order = (token_in, token_out, amount, "--slippage-bps", str(slippage_bps), "--key", known)
    again = _command("submit", *order, *where)

    async def place(client: AsyncClient) -> int:
        try:
            placed = await client.submit(
                token_in, token_out, amount, max_slippage_bps=slippage_bps, key=known
            )
        except SlipstreamError as error:
            if error.key:
                named = error.order_id if isinstance(error, Refused) else None
                error.add_note(
                    _in_doubt(again, named and _command("orders", "show", named, *where))
                )
            raise
        except asyncio.CancelledError:
            err.print(_in_doubt(again), markup=False)
            raise
        out.print(placed.order_id, markup=False)
        return await show(client, placed.order_id) if watch else OK

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, place))


def _in_doubt(again: str, ask: str | None = None) -> str:
    asked = f"\nTo see whether it is there:\n  {ask}" if ask else ""
    return (
        "The order may have been placed. Whatever happened, this again places it once:\n"
        f"  {again}{asked}"
    )


def _words(*, url: str | None, data_dir: Path | None) -> list[str]:
    return [*(("--url", url) if url else ()), *(("--data-dir", str(data_dir)) if data_dir else ())]


def _command(*words: str) -> str:
    return f"{program()} {shlex.join(words)}"
