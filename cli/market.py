"""`slipstream market`: the scripted market of the simulated venues, shown and moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.table import Table

from cli import addresses, options
from cli.console import EXIT_CODES, OK, Trouble, out, run
from cli.plan import environment
from shared.settings import InvalidSettings, MarketSettings
from shared.streams.redis.client import Client
from shared.tokens.registry import load_tokens
from shared.venues.market.stage import Moment, Stage
from shared.venues.market.words import Wrong, a_time
from shared.venues.protocol import VenueUnavailable

app = typer.Typer(
    help="Look at the scripted market of the simulated venues, and move it.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)

At = Annotated[
    str | None, typer.Option(metavar="TIME", help="Moment of the script, e.g. 30s or 1500ms.")
]
_Work = Callable[[Stage], Awaitable[object]]


@app.command(epilog="Example: slipstream market show")
def show(*, redis_url: addresses.Redis = None, data_dir: options.OfStack = None) -> None:
    """Tell how far the script has come, and what its tokens cost now."""
    _run(data_dir, redis_url, None)


@app.command(epilog="Example: slipstream market play 'SOL=line 150@0s 140@10s' --hold")
def play(
    *,
    script: Annotated[str, typer.Argument(help="As in VENUE_MARKET: docs/simulated-venues.md.")],
    at: At = None,
    hold: Annotated[bool, typer.Option("--hold", help="Stop the clock there.")] = False,
    redis_url: addresses.Redis = None,
    data_dir: options.OfStack = None,
) -> None:
    """Play another script, from its beginning unless --at says otherwise."""
    at_ms = _ms(at)
    _run(data_dir, redis_url, lambda stage: stage.play(script, at_ms=at_ms, held=hold))


@app.command(epilog="Example: slipstream market hold --at 30s")
def hold(
    *, at: At = None, redis_url: addresses.Redis = None, data_dir: options.OfStack = None
) -> None:
    """Stop the market's clock, where it is or at a moment: prices stay."""
    at_ms = _ms(at)
    _run(data_dir, redis_url, lambda stage: stage.play(at_ms=at_ms, held=True))


@app.command(epilog="Example: slipstream market go")
def go(
    *, at: At = None, redis_url: addresses.Redis = None, data_dir: options.OfStack = None
) -> None:
    """Let the market's clock go on, from where it is or from a moment."""
    at_ms = _ms(at)
    _run(data_dir, redis_url, lambda stage: stage.play(at_ms=at_ms, held=False))


async def begin(settings: MarketSettings) -> None:
    """Play `VENUE_MARKET` from its beginning. Raises `LogUnavailable` and `InvalidSettings`."""
    async with _opened(settings) as stage:
        await stage.play(settings.venue_market, held=False)


def _ms(word: str | None) -> int | None:
    try:
        return None if word is None else a_time(word)
    except Wrong as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--at") from wrong


def _run(data_dir: options.OfStack, redis_url: str | None, work: _Work | None) -> None:
    found = addresses.find(data_dir, redis_url=redis_url)

    async def moved() -> int:
        try:
            settings = MarketSettings.from_env(environment(found.settings().redis_url, "unknown"))
            async with _opened(settings) as stage:
                if work:
                    await work(stage)
                moment = await stage.moment()
        except (InvalidSettings, VenueUnavailable) as error:
            raise Trouble(str(error)) from error
        _tell(moment, settings)
        return OK

    run(moved())


@asynccontextmanager
async def _opened(settings: MarketSettings) -> AsyncIterator[Stage]:
    client = await Client.connect(settings.redis_url, timeout_s=settings.redis_timeout_s)
    try:
        yield Stage(settings, client)
    finally:
        await client.close()


def _tell(moment: Moment, settings: MarketSettings) -> None:
    clock = "held" if moment.held else "going on"
    out.print(f"{moment.at_ms / 1_000:.1f} s into the script, {clock}", markup=False)
    table = Table("token", "USD", box=None, pad_edge=False)
    known = load_tokens(settings.tokens_file).by_name
    for token in sorted(moment.script.movements):
        usual = known[token].simulated_usd
        if usual is not None:
            table.add_row(token, f"{moment.script.usd(token, usual, moment.at_ms):.9g}")
    if table.row_count:
        out.print(table)
