"""The first wallet of a stack: made where there is none, and endowed where money is play."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from cli.console import Trouble
from cli.plan import DEVCHAIN, SIMULATED
from cli.wallets.book import add_wallet, key_of_this_name, wallets_in
from cli.wallets.faucet import endow
from shared.errors import ServerAway
from shared.settings import MarketSettings
from shared.solana.rpc.errors import NoneIsOurs
from shared.solana.wallets.wallets_file import OTHERS, Wallet
from shared.venues.onchain.holdings import holdings
from shared.venues.onchain.opening import opened_chain

NAME = "main"
_PATIENCE_S = 60.0
_POLL_S = 0.5


async def prepare(env: Mapping[str, str], file: Path, keys: Path | None = None) -> str:
    """Have a wallet that can pay for orders, and return what was done for it.

    On a development chain the wallet `main` is made where there is none, and endowed where it has
    nothing, so that this may be done again and again. On others a wallet is made by hand.
    Raises `Trouble` where there is none, or no node answers within a minute.
    """
    settings = MarketSettings.from_env(env)
    if settings.chain == SIMULATED:
        return "the simulated chain takes no wallet"
    if settings.chain != DEVCHAIN:
        if not wallets_in(file).all:
            raise Trouble(f"{file} has no wallet: make one with `slipstream wallet new {NAME}`.")
        return f"wallets are those of {file}"
    if not wallets_in(file).all:
        # It may have died last time with the key made and its wallet not yet written down.
        add_wallet(file, NAME, [OTHERS], keys, make=key_of_this_name)
    main = wallets_in(file).all.get(NAME)
    if main is None or not await _is_empty(settings, main):
        return f"wallets are those of {file}"
    await endow(env, main.address)
    return f"wallet {NAME}  {main.address} got play money of every token"


async def _is_empty(settings: MarketSettings, wallet: Wallet) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_S
    async with opened_chain(settings) as chain:
        assert chain is not None, "a development chain has nodes"  # noqa: S101 - for the types
        while True:
            try:
                return not (await holdings(chain.state, chain.tokens, wallet.address)).balances
            except NoneIsOurs:  # As it will be in a minute.
                raise
            except ServerAway as error:
                if loop.time() > deadline:
                    raise Trouble(f"The chain does not answer: {error}.") from error
            await asyncio.sleep(_POLL_S)
