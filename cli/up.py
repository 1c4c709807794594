"""`slipstream up`: the whole stack with one command."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli import options
from cli.console import EXIT_CODES, OK, out, program, run, speaker
from cli.plan import DEVCHAIN, StackOptions
from cli.signals import INTERRUPTED, interruptible
from cli.stack import Stack
from cli.tail import follow
from shared.process.chain import CHAINS

_ORDER = """'{"tokenIn":"SOL","tokenOut":"USDC","amountIn":"1.5","maxSlippageBps":100}'"""


def up(  # noqa: PLR0913 - one parameter an option
    *,
    host: Annotated[str, typer.Option(help="Address the gateways listen on.")] = "127.0.0.1",
    port: options.Port = None,
    data_dir: options.DataDir = options.DATA_DIR,
    chain: options.Chain = DEVCHAIN,
    scale: options.Scale = None,
    redis_url: options.OwnRedis = None,
    database_url: options.OwnDatabase = None,
    monitoring: Annotated[
        bool, typer.Option(help="Start Prometheus too, where one is installed.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Show what the processes log.")] = False,
) -> None:
    """Run the stack: a development chain, Valkey, PostgreSQL and the services, until Ctrl-C."""
    run(
        _up(
            StackOptions(
                data_dir=data_dir,
                host=host,
                port=port,
                scale=options.scale(scale),
                redis_url=redis_url,
                database_url=database_url,
                monitoring=monitoring,
                chain=options.chain(chain),
            ),
            verbose=verbose,
        )
    )


up_help = f"""
Examples:

  slipstream up

  slipstream up --port 8080 --scale executor=3 --scale gateway=2

  slipstream up --monitoring

  slipstream up --redis-url redis://localhost:6379/0 --database-url postgresql://localhost/slip

The data stays in .slipstream, so the next `up` goes on where this one ended. One Ctrl-C ends all
in good order, a second one at once. {EXIT_CODES}
"""


async def _up(wanted: StackOptions, *, verbose: bool) -> int:
    say = speaker(out)
    stack = Stack(wanted, say)
    tail = asyncio.create_task(follow(stack.layout.logs, say)) if verbose else None
    with interruptible(stack.kill):
        try:
            async with stack:
                _announce(stack)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            say("ended", f"nothing is left running; the data stays in {wanted.data_dir}")
        finally:
            if tail is not None:
                tail.cancel()
    return INTERRUPTED if stack.killed else OK


def _announce(stack: Stack) -> None:
    url = stack.gateways[0].url
    post = f"curl -s {url}/api/orders/execute -H 'Content-Type: application/json' -d {_ORDER}"
    look = ["", "Look into its servers:", *(f"  {way}" for way in sorted(stack.ways_in))]
    chain = CHAINS[stack.options.chain]
    watched = f"   Prometheus: {stack.prometheus_url}" if stack.prometheus_url else ""
    for line in (
        "",
        f"Slipstream is up: {', '.join(gateway.url for gateway in stack.gateways)}",
        f"Orders settle on {chain}",
        f"Page: {url}   API: {url}/docs   logs: {stack.layout.logs}{watched}",
        "",
        "Is it ready, place an order, place one and read it back:",
        f"  curl -s {url}/health/ready",
        f"  {post}",
        f"""  curl -s {url}/api/orders/$({post} | cut -d'"' -f4)""",
        "",
        f"Place one and watch it: {program()} submit SOL USDC 1.5 --watch",
        *(look if stack.ways_in else ()),
        "",
        "Ctrl-C ends everything.",
    ):
        out.print(line, markup=False)
