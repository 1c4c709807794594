"""Meteora's program pays what was quoted, to the atom, swap upon swap, whatever the clock says.

Quote, instruction and accounts are the venue's own; the chain is one in memory, and the pools are
recorded ones of the public chain, carried on from where they were.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from random import Random
from typing import Any

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from devchain.genesis import programs
from shared.solana.addresses import SYSTEM, WRAPPED_SOL, Mint
from shared.solana.fees import cu_limit
from shared.solana.terms import Terms
from shared.solana.token_accounts import balance_of
from shared.venues.meteora.accounts import LbPair, read_pair
from shared.venues.meteora.bins import NoSwap
from shared.venues.meteora.bitmap import arrays_from
from shared.venues.meteora.instruction import swap2
from shared.venues.meteora.pool import NEARBY, DlmmPool
from shared.venues.meteora.program import DLMM, SLIPPAGE_EXCEEDED
from shared.venues.meteora.quote import keys_of, read_pools
from shared.venues.meteora.walk import swap
from tests.support.cpmm import refusal
from tests.support.meteora import Recorded, held, native, vectors

USER = Pubkey(bytes([5] * 32))
SWAPS_A_POOL = 60
PLENTY = 2**58
# Pools that are open and whole, of each kind that was recorded.
NAMES = [
    name
    for name, state in vectors()["states"].items()
    if name.split("-")[1] in ("orders", "params", "gaps", "made", "two")
    and state["lb_pair"]["pair_type"] in (0, 2)
][::2]


class Pool:
    """A recorded pool on a chain in memory, and a wallet that trades there."""

    def __init__(self, name: str) -> None:
        recorded = Recorded(name)
        recorded.keep_to_its_arrays()
        self.address = recorded.pool
        self.chain = (
            LiteSVM().with_transaction_history(0).with_sigverify(False).with_blockhash_check(False)
        )
        self.chain.add_program_from_file(DLMM, programs()[DLMM])
        self.chain.warp_to_slot(vectors()["meta"]["slot"])
        self.chain.set_account(USER, Account(10**15, b"", SYSTEM))
        for key, account in recorded.shown().items():
            self.chain.set_account(key, account)
        self.mints = self.pair().mints
        decimals = vectors()["meta"]["pools"][str(self.address)]["decimals"]
        self.decimals = dict(zip(self.mints, decimals, strict=True))
        self.took = 0
        self.units: dict[Hashable, list[int]] = defaultdict(list)

    def pair(self) -> LbPair:
        account = self.chain.get_account(self.address)
        assert account
        return read_pair(self.address, account)

    def set_time(self, unix_time: int) -> None:
        clock = self.chain.get_clock()
        clock.unix_timestamp = unix_time
        self.chain.set_clock(clock)

    def nearby(self, side: int) -> tuple[int, ...]:
        """Return the bin arrays around the price, in the order in which a swap needs them."""
        pair = self.pair()
        found = {*arrays_from(pair, 0, NEARBY), *arrays_from(pair, 1, NEARBY)}
        return tuple(sorted(found, reverse=side == 0))

    def read(self, side: int) -> DlmmPool:
        """Return the pool in a direction, from accounts as they are on the chain."""
        keys = keys_of(self.mints, {self.address: self.pair()})
        read = {key: self.chain.get_account(key) for key in keys}
        reading = read_pools([self.address], self.decimals, read)
        [found] = reading.found
        return DlmmPool(venue="meteora", standing=found, side=side, clock=reading.clock)

    def send(self, side: int, amount: int, least: int, arrays: tuple[int, ...]) -> Any:
        """Return the chain's answer to a swap: the amounts that moved, or its refusal."""
        terms = Terms(
            wallet=USER,
            mint_in=Mint(self.mints[side]),
            mint_out=Mint(self.mints[1 - side]),
            amount_in=amount,
            min_out=least,
            order_id="an-order",
            attempt=1,
            token_account_rent=2_039_280,
        )
        pays, receives = terms.pays, terms.receives
        self.chain.set_account(pays, self._account(terms.mint_in.address))
        self.chain.set_account(receives, self._account(terms.mint_out.address))
        instruction = swap2(terms, self.address, self.pair(), arrays)
        message = MessageV0.try_compile(
            USER,
            [set_compute_unit_limit(1_400_000), instruction],
            [],
            self.chain.latest_blockhash(),
        )
        sent = VersionedTransaction.populate(message, [Signature.default()])
        result = self.chain.send_transaction(sent)
        if isinstance(result, FailedTransactionMetadata):
            return refusal(result)
        self.took = result.compute_units_consumed()
        return PLENTY - self._atoms(pays), self._atoms(receives) - PLENTY

    def _account(self, mint: Pubkey) -> Account:
        return (native if mint == WRAPPED_SOL else held)(mint, USER, PLENTY)

    def _atoms(self, key: Pubkey) -> int:
        account = self.chain.get_account(key)
        assert account
        return balance_of(account.data)


def trades(pool: Pool, random: Random) -> Iterator[tuple[int, int]]:
    """Move the clock, and say which token comes next and how much of it, again and again."""
    now = pool.pair().volatility.updated + 1_000
    for _ in range(SWAPS_A_POOL):
        now += random.choice([0, 0, 1, 9, 10, 11, 60, 119, 120, 121, 299, 300, 1_200, 5_000])
        pool.set_time(now)
        yield random.randint(0, 1), int(2 ** random.uniform(1, 36))


def swapped(pool: Pool, side: int, amount: int, random: Random, seen: Counter[str]) -> object:
    """Swap with the quote as the least, and return what differs from it, if anything does."""
    found = pool.read(side)
    try:
        least = found.offer(amount).amount_out
    except NoSwap as error:
        seen["refused"] += 1
        answer = pool.send(side, amount, 1, pool.nearby(side))
        return None if answer == error.code else (answer, str(error))
    arrays = found.arrays(amount)
    if random.random() < 0.1:
        seen["asked for more"] += 1
        if (answer := pool.send(side, amount, least + 1, arrays)) != SLIPPAGE_EXCEEDED:
            return answer
    answer, now = pool.send(side, amount, least, arrays), pool.pair()
    foreseen = swap(found.standing, side, amount, found.clock)
    pool.units[found.shape(amount)].append(pool.took)
    seen["paid"] += 1
    seen["over two arrays"] += len(foreseen.arrays) > 1
    went = answer, now.active_id, now.volatility
    if went == ((amount, least), foreseen.active_id, foreseen.volatility):
        return None
    return went, foreseen


def test_what_was_quoted_comes_to_the_atom_through_any_bins_at_any_time() -> None:
    """And a limit on compute units that one swap was simulated for is enough for all alike."""
    random, differing, seen = Random(3), list[object](), Counter[str]()
    short = []
    for name in NAMES:
        pool = Pool(name)
        for side, amount in trades(pool, random):
            difference = swapped(pool, side, amount, random, seen)
            if difference is not None:
                differing.append((name, side, amount, difference))
        short += [alike for alike in pool.units.values() if cu_limit(min(alike)) < max(alike)]

    assert not differing
    assert not short
    assert seen["paid"] >= 1_000
    assert seen["over two arrays"] >= 30
    assert min(seen["refused"], seen["asked for more"]) >= 30


def test_a_swap_lands_when_the_price_has_moved_over_the_edge_of_a_bin_array_meanwhile() -> None:
    pool = Pool("9t3E-walk-0")  # Its price is in the first bin of array 0.
    assert pool.pair().active_id == 0
    before = pool.read(1).arrays(10**6)

    sold = pool.send(0, 5 * 10**10, 1, pool.read(0).arrays(5 * 10**10))
    bought = pool.send(1, 10**6, 1, before)

    assert pool.pair().active_id < 0 < sold[1]
    assert bought[0] == 10**6
