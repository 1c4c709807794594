"""The chain of a service: said aloud at the start, opened, and looked at again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import ServerAway
from shared.observability import metrics
from shared.settings import MarketSettings
from shared.solana.rpc.replies import Call
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.opening import opened_chain
from shared.venues.protocol import VenueUnavailable

logger = logging.getLogger(__name__)

CHAINS = {
    "simulated": "a simulated chain: no transaction is real",
    "devchain": "a development chain: real transactions, no real money",
    "devnet": "Solana's devnet: no real money",
    "mainnet": "Solana's mainnet: REAL MONEY",
}
_LOOK_S = 10.0
_COMMITMENTS = ("confirmed", "finalized")
_LAMPORTS = 10**9  # In a SOL.
_AT_ONCE = 100  # Accounts that getMultipleAccounts takes.


@asynccontextmanager
async def service_chain(
    settings: MarketSettings, *, signs: bool = False
) -> AsyncIterator[SolanaChain | None]:
    """Yield what `opened_chain` does, with its nodes and wallets in the metrics meanwhile."""
    real = settings.chain == "mainnet"
    if settings.urls:
        level = logging.WARNING if real else logging.INFO
        logger.log(level, "orders settle on %s", CHAINS[settings.chain])
    metrics.CHAIN_INFO.labels(settings.chain, "real" if real else "play").set(1)
    async with opened_chain(settings, signs=signs) as chain:
        if chain is None:
            yield None
            return
        for name in chain.wallets.all:  # A rise from nothing is not seen.
            metrics.series(metrics.FUNDS_MISSING, name, "SOL")
        watch = asyncio.create_task(_watch(chain))
        try:
            yield chain
        finally:
            watch.cancel()


async def _watch(chain: SolanaChain) -> None:
    while True:
        await look_at(chain)
        await asyncio.sleep(_LOOK_S)


async def look_at(chain: SolanaChain) -> None:
    """Note how far each node is, and what SOL each wallet has. A node that is away shows itself."""
    calls = [Call("getSlot", [{"commitment": commitment}]) for commitment in _COMMITMENTS]
    said = await chain.nodes.ask_each(calls)
    for node, answers in zip(chain.nodes.all, said, strict=True):
        for commitment, slot in zip(_COMMITMENTS, answers or (), strict=False):
            if isinstance(slot, int):
                metrics.RPC_NODE_SLOT.labels(node.name, commitment).set(slot)
    wallets = list(chain.wallets.all.values())
    for start in range(0, len(wallets), _AT_ONCE):
        some = wallets[start : start + _AT_ONCE]
        try:
            held = await chain.state.accounts(tuple(wallet.address for wallet in some))
        except (ServerAway, VenueUnavailable):
            return
        for wallet, account in zip(some, held.accounts, strict=True):
            lamports = account.lamports if account else 0
            metrics.WALLET_SOL.labels(wallet.name).set(lamports / _LAMPORTS)
