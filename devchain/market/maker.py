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
from devchain.dlmm.addresses import array_address
from devchain.dlmm.layouts import Bin, read_array, read_pair
from devchain.dlmm.swap import swap_instruction as dlmm_swap_instruction
from devchain.genesis.keys import MAKER
from devchain.genesis.plan import DlmmPlan, Market, PoolPlan, read_market
from devchain.market.bin_moves import is_near, move_toward
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

    def transactions(self, slot: int, time: int, read_account: Read) -> list[Instruction]:
        """Return the swaps of a block: each makes a transaction that MAKER pays and signs.

        At most eight, by turns. Raises LookupError if the chain did not begin with this market.
        """
        if not self._trades:
            return []
        count = len(self._market.all_pools)
        turns = ((slot * _MOST_A_BLOCK + i) % count for i in range(count))
        asked = (self._swap(number, slot, time, read_account) for number in turns)
        return list(islice(filter(None, asked), _MOST_A_BLOCK))

    def _swap(self, number: int, slot: int, time: int, read: Read) -> Instruction | None:
        plan = self._market.all_pools[number]
        price = self._prices.pool(number, max(0, slot - self._start))
        if isinstance(plan, DlmmPlan):
            return self._swap_bins(plan, price, time, read)
        return self._swap_reserves(plan, price, read)

    def _swap_reserves(self, plan: PoolPlan, price: Fraction, read: Read) -> Instruction | None:
        at, config = self._market.addresses(plan), self._market.by_index[plan.config]
        pool = read_pool(_data(read, at.pool))
        reserves = _reserves(read, pool, at.vaults)
        if abs(Fraction(reserves[1], reserves[0]) / price - 1) <= _TOLERANCE:
            return None
        move = move_to(config, pool, reserves, price, _purse(read, at.mints))
        if not move:
            return None
        return swap_instruction(at, MAKER.pubkey(), move.side, move.amount_in, 0)

    def _swap_bins(
        self, plan: DlmmPlan, price: Fraction, time: int, read: Read
    ) -> Instruction | None:
        at = self._market.dlmm_addresses(plan)
        pair = read_pair(_data(read, at.pair))
        if is_near(pair, price):
            return None
        bins: dict[int, Bin] = {}
        for index in pair.arrays:
            bins |= read_array(_data(read, array_address(at.pair, index)))
        move = move_toward(pair, bins, price, _purse(read, at.mints), time)
        if not move:
            return None
        arrays = pair.arrays_ahead(move.side)
        amounts = (move.amount_in, 0)
        return dlmm_swap_instruction(at, MAKER.pubkey(), move.side, amounts, arrays)


def _reserves(read: Read, pool: PoolState, vaults: tuple[Pubkey, Pubkey]) -> tuple[int, int]:
    return (_tokens(read, vaults[0]) - pool.owed(0), _tokens(read, vaults[1]) - pool.owed(1))


def _purse(read: Read, mints: tuple[Pubkey, Pubkey]) -> tuple[int, int]:
    one, other = (_tokens(read, associated(MAKER.pubkey(), mint)) for mint in mints)
    return one, other


def _tokens(read: Read, key: Pubkey) -> int:
    return int(struct.unpack_from("<Q", _data(read, key), 64)[0])


def _data(read: Read, key: Pubkey) -> bytes:
    account = read(key)
    if account is None:
        raise LookupError(f"{key} is not there: this chain did not begin with the maker's market")
    return bytes(account.data)
