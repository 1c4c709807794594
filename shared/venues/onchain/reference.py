"""The price of lamports in any token: quotes are net of fees, and fees are paid in SOL."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from fractions import Fraction
from typing import Final

from shared.concurrency.ticked import Ticked
from shared.solana.addresses import WRAPPED_SOL
from shared.tokens.registry import Token, Tokens
from shared.venues.onchain.pools import PoolSource, deepest_price

SOL: Final = Token(symbol="SOL", name="Wrapped SOL", mint=str(WRAPPED_SOL), decimals=9)
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"  # The mint that most pools are of.
_SECONDS: Final = 5.0  # As long as priority fees that were read serve others.


class Reference:
    """Tells what a lamport is worth by the deepest pool of any venue, whichever are asked.

    A token without a pool of SOL is priced by two pools: over the order's token in, or over USDC.
    """

    def __init__(self, sources: Collection[PoolSource], tokens: Tokens) -> None:
        self._sources = sources
        self._usdc = tokens.by_name.get(USDC)
        self._prices: Ticked[tuple[Token, Token], Fraction | None] = Ticked(self._read, _SECONDS)

    async def __call__(self, token_out: Token, token_in: Token) -> Fraction | None:
        """Return atoms of the token out a lamport, or None where no pools lead there.

        Raises as `PoolSource` does.
        """
        if token_out.mint == SOL.mint:
            return Fraction(1)
        return await self._prices((token_out, token_in))

    async def _read(self, pair: tuple[Token, Token]) -> Fraction | None:
        token_out, token_in = pair
        if direct := await self._price(SOL, token_out):
            return direct
        for over in filter(None, (token_in, self._usdc)):
            if over.mint not in (SOL.mint, token_out.mint):
                prices = await self._price(SOL, over), await self._price(over, token_out)
                if all(prices):
                    return prices[0] * prices[1]
        return None

    async def _price(self, token_in: Token, token_out: Token) -> Fraction:
        read = await asyncio.gather(*(source(token_in, token_out) for source in self._sources))
        return deepest_price([pool for pools in read for pool in pools.found])
