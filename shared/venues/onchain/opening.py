"""Open a chain, and the venues that trade on it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp
from solders.pubkey import Pubkey

from shared.settings import ChainSettings, InvalidSettings, MarketSettings
from shared.solana.genesis import why_foreign
from shared.solana.rpc.nodes import Nodes
from shared.solana.wallets.key_file import BadWallet
from shared.solana.wallets.signer import Signer
from shared.solana.wallets.wallets_file import Wallets, read_wallets
from shared.tokens.registry import load_tokens
from shared.venues.http.service import new_session
from shared.venues.jupiter.route import SLIPPAGE_EXCEEDED as JUPITER_SLIPPAGE
from shared.venues.meteora.program import SLIPPAGE_EXCEEDED as METEORA_SLIPPAGE
from shared.venues.meteora.source import MeteoraPools
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.landing import Landing
from shared.venues.onchain.pool_venue import PoolVenue
from shared.venues.onchain.pools import PoolSource
from shared.venues.onchain.reading import ChainState
from shared.venues.onchain.reference import Reference
from shared.venues.onchain.signing import Signing
from shared.venues.protocol import Venue
from shared.venues.raydium.program import SLIPPAGE_EXCEEDED as RAYDIUM_SLIPPAGE
from shared.venues.raydium.source import RaydiumPools
from shared.venues.split.venue import SplitVenue

SPLIT: Final = "split"
Factory: TypeAlias = Callable[[str, SolanaChain], Venue]


_READ_PART = (
    0.8  # Of a quote's deadline: a chain that is silent is waited for, and no order's fault.
)
_ON: Mapping[str, Mapping[str, Factory]] = {
    "simulated": {},
    "devchain": {"raydium": PoolVenue, "meteora": PoolVenue},
    "devnet": {"raydium": PoolVenue},
    "mainnet": {"raydium": PoolVenue, "meteora": PoolVenue},
}


def venues_of(chain: str) -> Mapping[str, Factory]:
    """Return what opens each venue of ours that trades on a chain."""
    return _ON[chain]


def pooled(venues: Sequence[str]) -> list[str]:
    """Return those of these venues that have pools to split an order over."""
    return [name for name in venues if name in _POOLS]


def open_split(settings: MarketSettings, chain: SolanaChain, venues: Sequence[str]) -> Venue:
    """Return the venue that splits orders over the pools of these."""
    return SplitVenue(
        SPLIT,
        chain,
        [chain.sources[name] for name in venues],
        most=settings.split_pools,
        gain_bps=settings.split_gain_bps,
    )


@asynccontextmanager
async def opened_chain(
    settings: MarketSettings, *, signs: bool = False
) -> AsyncIterator[SolanaChain | None]:
    """Yield the chain that is configured, or None for the simulated one.

    Only who `signs` reads the keys of wallets. Raises `InvalidSettings` for a file of wallets that
    cannot be used. No node is asked yet.
    """
    if not settings.urls:
        yield None
        return
    foreign = partial(why_foreign, settings.chain, settings.genesis_hash)
    nodes = Nodes(
        settings.urls,
        why_foreign=foreign,
        timeout_s=settings.rpc_timeout_ms / 1_000,
        most_behind=settings.max_slots_behind,
    )
    async with nodes, new_session() as web:
        yield _chain(settings, nodes, web, signs=signs)


def _wallets(settings: ChainSettings) -> Wallets:
    if not settings.wallets_file:
        return Wallets(Path(), {})
    try:
        return read_wallets(Path(settings.wallets_file))
    except BadWallet as error:
        raise InvalidSettings(f"WALLETS_FILE: {error}") from None


def _signers(settings: ChainSettings, wallets: Wallets) -> Mapping[str, Signer]:
    if not wallets.all:
        raise InvalidSettings(
            f"WALLETS_FILE: must be set for CHAIN={settings.chain}; see `slipstream wallet new`"
        )
    try:
        return wallets.signers(os.environ)
    except BadWallet as error:
        raise InvalidSettings(f"WALLETS_FILE: {error}") from None


def _named(settings: ChainSettings) -> Sequence[Pubkey]:
    try:
        return [Pubkey.from_string(one) for one in settings.meteora_pools.split(",") if one]
    except ValueError as error:
        raise InvalidSettings(f"METEORA_POOLS: {error}") from None


# The venues whose pools everybody may look at, wherever they are traded.
_POOLS: Mapping[str, Callable[[str, ChainState, ChainSettings], PoolSource]] = {
    "raydium": lambda name, state, _settings: RaydiumPools(name, state),
    "meteora": lambda name, state, settings: MeteoraPools(name, state, _named(settings)),
}


def _chain(
    settings: MarketSettings, nodes: Nodes, web: aiohttp.ClientSession, *, signs: bool
) -> SolanaChain:
    wallets = _wallets(settings)
    signers = _signers(settings, wallets) if signs else {}
    tokens = load_tokens(settings.tokens_file)
    state = ChainState(
        nodes,
        tick_s=settings.quote_tick_ms / 1_000,
        percentile=settings.priority_percentile,
        max_cu_price=settings.max_cu_price,
        within_s=_READ_PART * settings.quote_deadline_ms / 1_000,
    )
    landing = Landing(
        nodes,
        quorum=settings.proof_quorum,
        decimals={token.mint: token.decimals for token in tokens.all},
        # Statuses name no program. A pool's swap fails with no other's number, and a route that
        # fails with a pool's means the same.
        slippage={RAYDIUM_SLIPPAGE, METEORA_SLIPPAGE, JUPITER_SLIPPAGE},
    )
    signing = Signing(state, wallets, signers, tokens, max_cu_price=settings.max_cu_price)
    traded = {name: read for name, read in _POOLS.items() if name in _ON[settings.chain]}
    # Others than those that are asked are read only where no fee could be priced without them.
    asked = [*map(str.strip, settings.venues.split(","))]
    read_by = {name: read for name, read in traded.items() if name in asked} or traded
    sources = {name: read(name, state, settings) for name, read in read_by.items()}
    return SolanaChain(
        nodes=nodes,
        wallets=wallets,
        state=state,
        landing=landing,
        signing=signing,
        tokens=tokens,
        sources=sources,
        reference=Reference(sources.values(), tokens),
        ttl_ms=settings.quote_ttl_ms,
        web=web,
    )
