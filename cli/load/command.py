"""`slipstream load`: orders at a rate or from many clients at once, and how long they take."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import typer

from cli import addresses, options
from cli.console import EXIT_CODES, FAILED, OK, Trouble, err, out, run
from cli.load import asked
from cli.load.figures import Limit, as_json, figures
from cli.load.generator import Load, Wanted
from cli.load.show import show_progress, show_summary
from cli.signals import INTERRUPTED
from slipstream import AsyncClient
from slipstream.http import is_local

_USUAL_ORDERS = 1_000
_CLIENTS = 50
_SPARE_FILES = 100
_UNDER_WAY = 2_000  # Orders that a rate may have under way, unless told otherwise.

load_help = f"""
Examples:

  slipstream load

  slipstream load --rate 200 --duration 30 --follow

  slipstream load --concurrency 100 --orders 5000 --fail-over p99=250ms

  slipstream load --rate 500 --json | jq .latencyMs

With --rate, orders are sent when they are due, however slow the answers are, and times count from
then. Without, each client waits for the answer before its next order. Nothing is sent twice. It
fails when an order went wrong, unless --max-errors allows for some.
Ctrl-C ends it with the summary. {EXIT_CODES}
"""


class Judging(NamedTuple):
    """What is good enough, and how to tell."""

    limits: Sequence[Limit]
    max_errors: int
    json: bool


def _limit(text: str) -> Limit:
    try:
        return Limit.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fail-over") from error


def load(  # noqa: PLR0913 - one parameter an option
    *,
    orders: asked.Orders = None,
    duration: asked.Duration = None,
    rate: asked.Rate = None,
    concurrency: asked.Concurrency = None,
    follow: asked.Follow = False,
    fail_over: asked.FailOver = None,
    max_errors: asked.MaxErrors = 0,
    json: asked.Json = False,
    url: asked.Url = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Place many orders and measure how long they take."""
    wanted = Wanted(
        orders=orders or (asked.MOST_ORDERS if duration else _USUAL_ORDERS),
        duration_s=duration or asked.LONGEST_S,
        rate=rate,
        concurrency=concurrency or (_UNDER_WAY if rate else _CLIENTS),
        follow=follow,
    )
    judging = Judging([_limit(text) for text in fail_over or ()], max_errors, json)
    run(_load(url or _here(data_dir), api_key, wanted, judging), fast=True)


def _here(data_dir: Path | None) -> str:
    gateway = addresses.find(data_dir).gateway
    if not is_local(gateway):
        raise typer.BadParameter(f"{gateway} is not this machine: give it with --url if you may")
    return gateway


async def _load(url: str, api_key: str | None, wanted: Wanted, judging: Judging) -> int:
    screen = err if judging.json else out
    connections = min(wanted.concurrency, _UNDER_WAY)
    _open_files(2 * connections)  # With sockets to follow.
    # No second try: it would hide what the first one met.
    async with AsyncClient(
        url, api_key=api_key, retry_for_s=0, max_connections=connections
    ) as client:
        if not await client.ready():
            raise Trouble(f"{url} takes no orders now; `slipstream doctor` may tell why.")
        test, started = Load(client, wanted), monotonic()
        progress = asyncio.create_task(show_progress(test.tally, screen))
        interrupted = not await _ran(test)
        progress.cancel()
        with suppress(asyncio.CancelledError):
            await progress
    found = figures(test.tally, monotonic() - started)
    broken = found.broken(judging.limits, judging.max_errors)
    if judging.json:
        out.print_json(data=as_json(found, broken))
    else:
        show_summary(found, broken, screen)
    return INTERRUPTED if interrupted else FAILED if broken else OK


def _open_files(number: int) -> None:
    """Let this process have so many, if it may: a connection that it may not open is no answer."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if few < number + _SPARE_FILES:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (number + _SPARE_FILES, most))


async def _ran(test: Load) -> bool:
    """Run a load test; return False when it was interrupted."""
    try:
        await test.run()
    except asyncio.CancelledError:
        return False
    return True
