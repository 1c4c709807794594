"""`slipstream audit funds`: every atom accounted for, between archive and chain."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from cli import addresses, options, running
from cli.audit.funds import audit
from cli.audit.reading import read_chain, read_holdings, read_orders
from cli.check import Check, show
from cli.console import EXIT_CODES, FAILED, OK, Trouble, err, out, run, speaker
from shared.archive.archive import Archive
from shared.settings import MarketSettings
from shared.venues.onchain.opening import opened_chain

app = typer.Typer(
    help="Compare what the engine says with what the chain says.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)

_SETTLE_S = 15.0
_POLL_S = 0.5


@app.callback()
def _group() -> None:
    """Keep `funds` a word of its own, though it is the only one."""


@app.command(epilog="Example: slipstream audit funds")
def funds(*, database_url: addresses.Database = None, data_dir: options.OfStack = None) -> None:
    """Check that every atom and every signature on the chain is some order's.

    It reads the whole history of the wallets, and is meant for a stack at rest: what is under way
    is waited for, 15 seconds at most.
    """
    found = addresses.find(data_dir, database_url=database_url)
    run(_funds(_environment(data_dir or options.DATA_DIR), found.database()))


def _environment(data_dir: Path) -> Mapping[str, str]:
    stack = running.find(data_dir) or next(iter(running.known().values()), None)
    env = {**os.environ, "REDIS_URL": "unused", "DATABASE_URL": "unused"}
    if stack:
        env |= {"CHAIN": stack.chain, "RPC_URLS": stack.rpc_urls}
        env |= {"WALLETS_FILE": stack.wallets_file}
    return env


async def _funds(env: Mapping[str, str], database_url: str) -> int:
    checks = await audited(env, database_url)
    show(checks, speaker(out))
    return OK if all(check.holds for check in checks) else FAILED


async def audited(env: Mapping[str, str], database_url: str) -> Sequence[Check]:
    """Return the checks of every wallet once they hold, or as they stand when time is up.

    Raises `Trouble` for a chain that has no wallets, or keeps too little.
    """
    async with opened_chain(MarketSettings.from_env(env)) as chain:
        if chain is None or not chain.wallets.all:
            raise Trouble("There is nothing to audit: no chain and no wallets (WALLETS_FILE).")
        archive = await Archive.open(database_url)
        deadline = asyncio.get_running_loop().time() + _SETTLE_S
        wallets = list(chain.wallets.all.values())
        try:
            while True:
                happened = await read_chain(chain, wallets)
                checks = audit(
                    await read_orders(archive), happened, await read_holdings(chain, wallets)
                )
                late = asyncio.get_running_loop().time() > deadline
                if late or all(check.holds for check in checks):
                    err.print(f"{len(happened)} transactions of {len(wallets)} wallets were read")
                    return checks
                await asyncio.sleep(_POLL_S)
        finally:
            await archive.close()
