"""The venue `jupiter`: routes of an aggregator, asked for over HTTP, signed and sent by us."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from msgspec.json import Decoder
from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.settings import MarketSettings
from shared.solana.addresses import TOKEN
from shared.solana.fees import network_fee
from shared.solana.firewall.allowed import Refusal, Refused
from shared.streams.redis.client import Client
from shared.streams.redis.pace import Pace, Rate
from shared.tokens.registry import Token
from shared.venues.http.service import BUILD_S, Service
from shared.venues.jupiter.answers import Asked, Built, Quoted, offer_of
from shared.venues.jupiter.route import SLIPPAGE_EXCEEDED, RouteReader
from shared.venues.jupiter.taking import Route, route_of
from shared.venues.onchain.chain import OnChainVenue, SolanaChain
from shared.venues.onchain.funds import Swap
from shared.venues.onchain.offers import Pair, pair_of
from shared.venues.onchain.signing import Plan, RouteTooLarge
from shared.venues.protocol import (
    BuildFailed,
    FirewallRefused,
    InsufficientFunds,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)
from shared.venues.raydium.quote import UNSUPPORTED_TOKEN

_UNITS: Final = 250_000  # Compute units of a route, more or less.
_MOST_ACCOUNTS: Final = 48  # In a route; its transaction has others besides.
_FEWER_ACCOUNTS: Final = 28  # In the next one, after that became too large.
_QUOTE_PART: Final = 0.9  # The rest of the deadline is ours.
_BUILD_S: Final = 2.0
_MINT_BYTES: Final = 82
_DECIMALS_AT: Final = 44
_quoted = Decoder(Quoted)
_built = Decoder(Built)


def open_jupiter(
    name: str, settings: MarketSettings, client: Client, chain: SolanaChain
) -> JupiterVenue:
    """Return the venue, as settings say where Jupiter is."""
    pace = Pace(client, settings.namespace, name, Rate.parse(settings.jupiter_rate))
    key = settings.jupiter_api_key
    headers = {"x-api-key": key} if key else {}
    service = Service(name, f"{settings.jupiter_at}/swap/v2", chain.web, pace, headers)
    quote_s = _QUOTE_PART * settings.quote_deadline_ms / 1_000
    dexes = ",".join(filter(None, map(str.strip, settings.jupiter_dexes.split(","))))
    wish = {"dexes": dexes} if dexes else {}
    return JupiterVenue(name, chain, service, wish, (quote_s, settings.max_slots_behind))


class JupiterVenue(OnChainVenue):
    """Trades along routes that Jupiter finds on the chain."""

    def __init__(
        self,
        name: str,
        chain: SolanaChain,
        service: Service,
        wish: Mapping[str, str],
        limits: tuple[float, int],
    ) -> None:
        """`wish` goes with every question. `limits` are those of a quote.

        They are the longest wait, in seconds, and the most slots that it may be from the chain's.
        """
        super().__init__(name, chain)
        self.service = service
        self._wish = wish
        self._quote_s, self._most_behind = limits
        self._known = set[Token]()

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what the best route pays now, by Jupiter's word."""
        pair = pair_of(intent, self.chain.tokens)
        for token in (pair.token_in, pair.token_out):
            await self._check_mint(token)
        quoted, recent, price = await asyncio.gather(
            self.service.get("/quote", self._asking(pair), _quoted, within_s=self._quote_s),
            self.chain.state.recent(),
            self.chain.state.cu_price(()),
        )
        asked = Asked(pair.token_in.mint, pair.token_out.mint, pair.amount_in)
        offer = offer_of(quoted, asked, recent.slot, self._most_behind)
        return await self.offered(pair, offer, network_fee(1, _UNITS, price).total)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign the route that Jupiter finds now.

        Raises `RouteGone` where that pays too little, `BuildFailed` where Jupiter does not stand to
        its quote, or by a route that is not supported.
        """
        swapping = await self.chain.signing.swap(routed)
        pair = pair_of(routed.intent, self.chain.tokens)
        try:
            async with asyncio.timeout(BUILD_S):
                try:
                    return await self._signed(swapping, pair, _MOST_ACCOUNTS)
                except RouteTooLarge:
                    return await self._signed(swapping, pair, _FEWER_ACCOUNTS)
        except TimeoutError:
            raise BuildFailed(f"nothing was built within {BUILD_S:g} s") from None
        except (FirewallRefused, InsufficientFunds):
            raise
        except (VenueRejected, VenueUnavailable, VenueUnreachable) as error:
            raise BuildFailed(str(error)) from error

    async def _signed(self, swapping: Swap, pair: Pair, most_accounts: int) -> SignedTransaction:
        more = {
            "taker": str(swapping.terms.wallet),
            "wrapAndUnwrapSol": "false",  # Our own temporary account holds wrapped SOL.
            "maxAccounts": str(most_accounts),
        }
        built = await self.service.get(
            "/build", self._asking(pair) | more, _built, within_s=_BUILD_S, urgent=True
        )
        route = _route(built, swapping)
        plan = Plan(
            instructions=route.instructions,
            venue=RouteReader(),
            written=route.written,
            shape=None,
            opaque=True,
            tables=route.tables,
            slippage=(SLIPPAGE_EXCEEDED,),
        )
        return await self.chain.signing.sign(swapping, plan)

    def _asking(self, pair: Pair) -> dict[str, str]:
        return {
            "inputMint": pair.token_in.mint,
            "outputMint": pair.token_out.mint,
            "amount": str(pair.amount_in),
            "slippageBps": "0",  # The order's own least amount is written in its place.
            **self._wish,
        }

    async def _check_mint(self, token: Token) -> None:
        """Raise `VenueRejected` for a token that is not moved, or not counted, as we know it."""
        if token in self._known:  # A mint keeps its program and its decimals.
            return
        mint = Pubkey.from_string(token.mint)
        [account] = (await self.chain.state.accounts((mint,))).accounts
        if account is None or account.owner != TOKEN or len(account.data) != _MINT_BYTES:
            # Token-2022's mints may take fees of transfers, or have programs that refuse them.
            raise VenueRejected(f"{UNSUPPORTED_TOKEN}: {mint} is no plain mint")
        if account.data[_DECIMALS_AT] != token.decimals:
            raise VenueRejected(f"{mint} has {account.data[_DECIMALS_AT]} decimals")
        self._known.add(token)


def _route(built: Built, swapping: Swap) -> Route:
    try:
        return route_of(built, swapping.terms)
    except Refusal as refusal:
        raise FirewallRefused(str(Refused(str(refusal)))) from None
