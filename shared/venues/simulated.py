"""A venue that is not there: prices of a made-up market, swaps on the simulated chain, faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from shared.clock import Clock, utc_now
from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.settings import MarketSettings
from shared.streams.redis.client import Client
from shared.tokens.registry import Token, load_tokens
from shared.venues.chance import Chance
from shared.venues.faults import Fault, Faults, parse_faults, rates_of
from shared.venues.ledger import Fate, Ledger, Swap
from shared.venues.market.markets import Market, market_of
from shared.venues.pricing import Terms, drifted
from shared.venues.protocol import Answer, Unknown, VenueRejected, VenueUnreachable
from shared.venues.simulated_bytes import Payload, payload_of, sign

_LATE = 10
_LAG_BLOCKS = 50


class SimulatedVenue:
    """Behaves as a venue on Solana would, as far as the engine can tell."""

    def __init__(
        self,
        name: str,
        market: Market,
        ledger: Ledger,
        settings: MarketSettings,
        now: Clock = utc_now,
    ) -> None:
        self._name = name
        self._market = market
        self._ledger = ledger
        self._settings = settings
        self._tokens = load_tokens(settings.tokens_file).by_name
        self._now = now
        self._chance = Chance(settings.venue_seed, name)
        self._faults = Faults(rates_of(name, parse_faults(settings.venue_faults)), self._chance)
        self._away_until = 0.0  # By the monotonic clock.

    @property
    def name(self) -> str:
        """Return the name by which routes and metrics know the venue."""
        return self._name

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what the venue pays now for the intent, until `quote_ttl_ms` from now."""
        self._reach()
        if takes_ms := self._settings.venue_quote_ms:
            await asyncio.sleep(takes_ms / 1_000)
        if self._faults.strikes(Fault.QUOTE_SILENCE):
            await asyncio.Event().wait()
        self._faults.provoke(Fault.QUOTE_ERROR, Fault.QUOTE_REJECTED)
        return await self._priced(intent)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign. Two builds of one order are two transactions, and both could land."""
        self._reach(Fault.BUILD_REJECTED)
        # Before the signature exists: whenever that is recorded, its limit is right.
        last_block = await self._ledger.last_block()
        return sign(routed, self._name, last_block)

    async def send(self, transaction: SignedTransaction) -> None:
        """Hand the bytes to the simulated chain. The first time decides the fate."""
        self._reach(Fault.SEND_ERROR)
        payload = payload_of(transaction)
        if self._faults.strikes(Fault.SEND_LOST):
            return
        await self._ledger.accept(
            await self._executed(transaction.signature, payload),
            delay_ms=self._delay_ms(transaction.signature),
            valid_until=transaction.valid_until,
        )
        self._faults.provoke(Fault.SEND_LOST_REPLY)

    async def status(self, signatures: Sequence[str]) -> Sequence[Answer]:
        """Return what the simulated chain says of each signature, in order."""
        self._reach()
        if self._faults.strikes(Fault.NODE_FORGETS):
            return [Unknown()] * len(signatures)
        return await self._ledger.status(signatures, behind=self._behind())

    async def search(self, transactions: Sequence[SignedTransaction]) -> Sequence[Answer]:
        """Return what the history of the simulated chain says of each, in order."""
        self._reach()
        pruned = self._faults.strikes(Fault.HISTORY_PRUNED)
        return await self._ledger.search(transactions, behind=self._behind(), pruned=pruned)

    def _reach(self, *faults: Fault) -> None:
        if self._faults.strikes(Fault.OUTAGE):
            self._away_until = time.monotonic() + self._settings.venue_outage_ms / 1_000
        if time.monotonic() < self._away_until:
            raise VenueUnreachable(f"simulated {Fault.OUTAGE}")
        self._faults.provoke(Fault.UNREACHABLE, *faults)

    def _behind(self) -> int:
        return _LAG_BLOCKS if self._faults.strikes(Fault.NODE_LAGS) else 0

    async def _priced(self, intent: SwapIntent) -> Quote:
        token_in, token_out = self._token(intent.token_in), self._token(intent.token_out)
        now = self._now()
        priced = await self._market.quoted(token_in, token_out, now)
        offered = priced.offer(intent.amount_in)
        lasts_ms = 0 if self._faults.strikes(Fault.QUOTE_STALE) else self._settings.quote_ttl_ms
        seen_at = now - timedelta(milliseconds=priced.age_ms) if priced.age_ms else None
        quote = Quote(
            venue=self._name,
            amount_out=offered.amount_out,
            network_fee=offered.network_fee,
            fee_bps=priced.terms.fee_bps,
            price_impact_bps=offered.price_impact_bps,
            expires_at=(seen_at or now) + timedelta(milliseconds=lasts_ms),
            seen_at=seen_at,
        )
        if quote.net_out <= 0:
            raise VenueRejected("the amount is too small to pay for its own fees")
        return quote

    def _token(self, name: str) -> Token:
        token = self._tokens.get(name)
        if token is None:
            raise VenueRejected(f"has no price of {name}")
        return token

    async def _executed(self, signature: str, payload: Payload) -> Swap:
        pays = await self._market.paid(
            self._token(payload.token_in),
            self._token(payload.token_out),
            payload.amount_in,
            payload.quoted_out,
        )
        luck, most_bps = self._chance.of("drift", signature), self._settings.venue_slippage_bps
        amount_out = drifted(pays, luck, most_bps)
        return Swap(
            order_id=payload.order_id,
            signature=signature,
            venue=payload.venue,
            token_in=payload.token_in,
            token_out=payload.token_out,
            amount_in=payload.amount_in,
            amount_out=amount_out,
            fate=self._fate(pays_enough=amount_out >= payload.min_out),
        )

    def _fate(self, *, pays_enough: bool) -> Fate:
        if self._faults.strikes(Fault.NEVER_LANDS):
            return Fate.NEVER_LANDS
        if self._faults.strikes(Fault.FAILS_ON_CHAIN):
            return Fate.FAILS
        if self._faults.strikes(Fault.SLIPPAGE_EXCEEDED):
            return Fate.SLIPPAGE_EXCEEDED
        return Fate.LANDS if pays_enough else Fate.SLIPPAGE_EXCEEDED

    def _delay_ms(self, signature: str) -> int:
        shortest, longest = self._settings.venue_swap_ms_min, self._settings.venue_swap_ms_max
        delay = int(shortest + (longest - shortest) * self._chance.of("delay", signature))
        return delay * _LATE if self._faults.strikes(Fault.LANDS_LATE) else delay


def simulated(name: str, terms: Terms) -> Callable[[MarketSettings, Client], SimulatedVenue]:
    """Return how to open a simulated venue of this name and these terms."""

    def opened(settings: MarketSettings, client: Client) -> SimulatedVenue:
        ledger = Ledger(
            client,
            namespace=settings.namespace,
            retention_s=settings.chain_retention_s,
            block_ms=settings.chain_block_ms,
            valid_blocks=settings.chain_valid_blocks,
        )
        return SimulatedVenue(name, market_of(name, terms, settings, client), ledger, settings)

    return opened
