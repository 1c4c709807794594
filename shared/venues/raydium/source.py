"""Raydium's pools as they are read from the chain, once a tick for all who ask."""

from __future__ import annotations

from typing import Final, NamedTuple

from solders.pubkey import Pubkey

from shared.clock import Clock, utc_now
from shared.tokens.registry import Token
from shared.venues.onchain.pools import Pools
from shared.venues.onchain.reading import ChainState, Snapshot
from shared.venues.raydium.program import keys_of
from shared.venues.raydium.quote import Reading, Side, read_pools

_MOST_PAIRS: Final = 4_096


class _Read(NamedTuple):
    """A pair's pools, and the snapshot that they were read from: it serves all quotes of a tick."""

    snapshot: Snapshot
    reading: Reading


class RaydiumPools:
    """The constant-product pools of every pair."""

    def __init__(self, name: str, state: ChainState, now: Clock = utc_now) -> None:
        """`name` is the venue's."""
        self._name = name
        self._state = state
        self._now = now
        self._last: dict[tuple[Side, Side], _Read] = {}

    async def __call__(self, token_in: Token, token_out: Token) -> Pools:
        """Return the pools of a pair as they are now, read together."""
        reading = await self._read(_side(token_in), _side(token_out))
        return reading.at(self._name, int(self._now().timestamp()))

    async def _read(self, token_in: Side, token_out: Side) -> Reading:
        snapshot = await self._state.accounts(keys_of(token_in.mint, token_out.mint))
        last = self._last.get((token_in, token_out))
        if last is None or last.snapshot is not snapshot:
            if len(self._last) >= _MOST_PAIRS:
                self._last.clear()
            last = _Read(snapshot, read_pools(token_in, token_out, snapshot.accounts))
            self._last[token_in, token_out] = last
        return last.reading


def _side(token: Token) -> Side:
    return Side(Pubkey.from_string(token.mint), token.decimals)
