"""`slipstream demo`: orders through the real stack, followed, then checked."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from cli import options
from cli.audit.command import audited
from cli.check import Check
from cli.console import EXIT_CODES, FAILED, OK, err, out, run, speaker
from cli.demo.checks import check
from cli.demo.figures import as_json, figures
from cli.demo.readback import read_back
from cli.demo.show import show_progress, show_summary
from cli.demo.traffic import Traffic
from cli.plan import DEVCHAIN, StackOptions
from cli.signals import interruptible
from cli.stack import Stack
from shared.settings import VenueSettings

_CATCH_UP_S = 15.0
_POLL_S = 0.2

demo_help = f"""
Examples:

  slipstream demo

  slipstream demo --orders 1000 --rate 200 --scale executor=3

  slipstream demo --json | jq .latencyMs

It starts a stack of its own on embedded servers, with data that is gone afterwards. It exits
with 0 only if every check holds. {EXIT_CODES}
"""


class Wanted(NamedTuple):
    """What traffic to make. `rate` is in orders a second."""

    orders: int
    rate: float
    json: bool


def demo(  # noqa: PLR0913 - one parameter an option
    *,
    orders: Annotated[int, typer.Option(min=1, help="How many orders to place.")] = 200,
    rate: Annotated[float, typer.Option(min=0.1, help="Orders a second.")] = 100.0,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    chain: options.Chain = DEVCHAIN,
    scale: options.Scale = None,
    redis_url: options.OwnRedis = None,
    database_url: options.OwnDatabase = None,
) -> None:
    """Place orders, follow each over its WebSocket, and check every promise afterwards."""
    given = partial(
        StackOptions,
        temporary=True,
        chain=options.chain(chain),
        scale=options.scale(scale),
        redis_url=redis_url,
        database_url=database_url,
    )
    run(_demo(given, Wanted(orders, rate, json)))


async def _demo(given: Callable[..., StackOptions], wanted: Wanted) -> int:
    # With --json, standard output is for the one object.
    screen = err if wanted.json else out
    with tempfile.TemporaryDirectory(
        prefix="slipstream-demo-", ignore_cleanup_errors=True
    ) as directory:
        stack = Stack(given(data_dir=Path(directory)), speaker(screen))
        with interruptible(stack.kill):
            async with stack:
                return await _run(stack, wanted)


async def _run(stack: Stack, wanted: Wanted) -> int:
    screen = err if wanted.json else out
    loop = asyncio.get_running_loop()
    started = loop.time()
    traffic = Traffic(
        [gateway.url for gateway in stack.gateways], orders=wanted.orders, rate=wanted.rate
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(traffic.run())
        group.create_task(show_progress(traffic, running, screen))
    elapsed_s = loop.time() - started
    checks = await _checked(stack, traffic)
    found = figures(traffic.journeys)
    if wanted.json:
        out.print_json(data=as_json(found, checks, elapsed_s))
    else:
        show_summary(found, checks, elapsed_s, screen)
    return OK if all(one.holds for one in checks) else FAILED


async def _checked(stack: Stack, traffic: Traffic) -> Sequence[Check]:
    """Return the checks, once they hold; else as they stand when Postgres had time enough."""
    env = stack.environment()
    settings = VenueSettings.from_env(env)
    order_ids = [journey.order_id for journey in traffic.journeys if journey.order_id]
    may_fail = settings.venue_faults or settings.venue_market
    deadline = asyncio.get_running_loop().time() + _CATCH_UP_S
    while True:
        evidence = await read_back(settings, order_ids)
        checks = check(traffic.journeys, evidence, all_confirmed=not may_fail)
        if all(one.holds for one in checks) or asyncio.get_running_loop().time() > deadline:
            return [*checks, *(await audited(env, stack.database_url) if settings.urls else ())]
        await asyncio.sleep(_POLL_S)
