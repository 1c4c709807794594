"""The market without a script: prices stay, and each venue's rate of a pair is drawn by the block.

Pure. A rate depends on seed, venue, pair and block alone, so that all quotes of one moment agree,
whoever gives them.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from shared.venues.chance import Chance


class Rates:
    """How well one venue pays. With a seed of its own a rate stays; else it is `shared`'s."""

    def __init__(self, seed: str, venue: str, *, shared: str, block_ms: int) -> None:
        """Without a `seed`, all who give `shared` draw the same, anew each `block_ms`."""
        self._stays = bool(seed)
        self._chance = Chance(seed or shared, venue)
        self._block_ms = block_ms
        self._block = 0
        self._drawn: dict[tuple[str, str], Decimal] = {}

    def luck(self, token_in: str, token_out: str, now: datetime) -> Decimal:
        """Return a number from 0 up to 1 for a pair of symbols."""
        block = 0 if self._stays else int(now.timestamp() * 1_000) // self._block_ms
        if block != self._block:
            self._block, self._drawn = block, {}
        pair = (token_in, token_out)
        luck = self._drawn.get(pair)
        if luck is None:
            luck = self._drawn[pair] = self._chance.of("rate", *pair, str(block))
        return luck
