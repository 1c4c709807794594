"""A chain as its venues share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

import aiohttp

from shared.clock import Clock, utc_now
from shared.orders.values import Leg, Quote, SignedTransaction, Single
from shared.solana.rpc.nodes import Nodes
from shared.solana.wallets.wallets_file import Wallets
from shared.tokens.amounts import from_atoms
from shared.tokens.registry import Tokens
from shared.venues.onchain.landing import Landing
from shared.venues.onchain.offers import Offer, Pair
from shared.venues.onchain.pools import PoolSource
from shared.venues.onchain.reading import ChainState
from shared.venues.onchain.reference import Reference
from shared.venues.onchain.signing import Signing
from shared.venues.protocol import Answer, VenueRejected


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaChain:
    """The parts of a chain that its venues share.

    `sources` has the pools of each venue by its name; `ttl_ms` is how long quotes are good. `web`
    has the connections of those venues that are behind HTTP.
    """

    nodes: Nodes
    wallets: Wallets
    state: ChainState
    landing: Landing
    signing: Signing
    tokens: Tokens
    sources: Mapping[str, PoolSource]
    reference: Reference
    ttl_ms: int
    web: aiohttp.ClientSession
    now: Clock = utc_now


class OnChainVenue:
    """The half of a venue that is the chain's: to send, and to ask about what was sent."""

    def __init__(self, name: str, chain: SolanaChain) -> None:
        self.name = name
        self.chain = chain

    async def offered(
        self,
        pair: Pair,
        offer: Offer,
        lamports: int,
        *,
        legs: Sequence[Leg] = (),
        best_single: Single | None = None,
    ) -> Quote:
        """Return an offer as a quote, net of the transaction's fee, which is in lamports.

        The fee is priced in the token out by the chain's reference, or said to be unpriced. The
        deposit of a token account is no fee: it stays the wallet's. Raises `VenueRejected` when
        the offer does not pay its own fees.
        """
        price = await self.chain.reference(pair.token_out, pair.token_in)
        decimals = pair.token_out.decimals
        quote = Quote(
            venue=self.name,
            amount_out=from_atoms(offer.amount_out, decimals),
            network_fee=from_atoms(in_token_out(lamports, price), decimals),
            fee_bps=offer.fee_bps,
            price_impact_bps=offer.price_impact_bps,
            expires_at=self.chain.now() + timedelta(milliseconds=self.chain.ttl_ms),
            fee_unpriced=price is None,
            legs=tuple(legs),
            best_single=best_single,
        )
        if quote.net_out <= 0:
            raise VenueRejected("the amount is too small to pay for its own fees")
        return quote

    async def send(self, transaction: SignedTransaction) -> None:
        """Hand the bytes to every node."""
        await self.chain.landing.send(transaction.payload)

    async def status(self, signatures: Sequence[str]) -> Sequence[Answer]:
        """Return what a node says of each signature, in order."""
        return await self.chain.landing.status(signatures)

    async def search(self, transactions: Sequence[SignedTransaction]) -> Sequence[Answer]:
        """Return what the whole history of the nodes says of each, in order."""
        return await self.chain.landing.search(transactions)


def in_token_out(lamports: int, price: Fraction | None) -> int:
    """Return a fee in atoms of the token out, rounded up; 0 where nothing tells its price.

    `price` is in atoms out a lamport.
    """
    return 0 if price is None else -(-lamports * price.numerator // price.denominator)
