"""The maker: once a block, swaps that take the pools to where the scenario wants them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from itertools import islice

from solders.account import Account
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from devchain.cpmm.layouts import PoolState, read_pool
from devchain.cpmm.swap import swap_instruction
from devchain.genesis.keys import MAKER
from devchain.genesis.plan import Market, read_market
from devchain.market.moves import move_to
from devchain.market.prices import Prices
from devchain.market.scenario import Scenario
from devchain.wire import associated

Read = Callable[[Pubkey], Account | None]

FIRST_SLOT = 435_888_000
_TOLERANCE = Fraction(2, 10_000)  # Nearer than this a pool is left alone.
_MOST_A_BLOCK = 8


class Maker:
    """Makes a market move. The same scenario and seed are the same prices, block by block."""

    def __init__(
        self, scenario: Scenario, seed: int, market: Market | None = None, start: int = FIRST_SLOT
    ) -> None:
        """Follow a scenario on the pools of a market that began at the slot `start`."""
        self._market = market or read_market()
        self._prices = Prices(self._market, scenario, seed)
        self._trades = scenario.trades
        self._start = start

    def transactions(self, slot: int, read_account: Read) -> list[Instruction]:
        """Return the swaps of a block: each makes a transaction that MAKER pays and signs.

        At most eight, by turns. Raises LookupError if the chain did not begin with this market.
        """
        if not self._trades:
            return []
        count = len(self._market.pools)
        asked = (
            self._swap((slot * _MOST_A_BLOCK + i) % count, slot, read_account) for i in range(count)
        )
        return list(islice(filter(None, asked), _MOST_A_BLOCK))

    def _swap(self, number: int, slot: int, read: Read) -> Instruction | None:
        plan = self._market.pools[number]
        at, config = self._market.addresses(plan), self._market.by_index[plan.config]
        pool = read_pool(_data(read, at.pool))
        reserves = _reserves(read, pool, at.vaults)
        price = self._prices.pool(number, max(0, slot - self._start))
        if abs(Fraction(reserves[1], reserves[0]) / price - 1) <= _TOLERANCE:
            return None
        user = MAKER.pubkey()
        purse = (
            _tokens(read, associated(user, at.mints[0])),
            _tokens(read, associated(user, at.mints[1])),
        )
        move = move_to(config, pool, reserves, price, purse)
        return swap_instruction(at, user, move.side, move.amount_in, 0) if move else None


def _reserves(read: Read, pool: PoolState, vaults: tuple[Pubkey, Pubkey]) -> tuple[int, int]:
    return (_tokens(read, vaults[0]) - pool.owed(0), _tokens(read, vaults[1]) - pool.owed(1))


def _tokens(read: Read, key: Pubkey) -> int:
    return int(struct.unpack_from("<Q", _data(read, key), 64)[0])


def _data(read: Read, key: Pubkey) -> bytes:
    account = read(key)
    if account is None:
        raise LookupError(f"{key} is not there: this chain did not begin with the maker's market")
    return bytes(account.data)
