"""The pools of a pair, out of accounts: which ones to read, and how they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.sysvars import CLOCK, ChainClock, read_clock
from shared.venues.meteora.accounts import (
    BadAccount,
    LbPair,
    read_array,
    read_decimals,
    read_pair,
    read_reserve,
)
from shared.venues.meteora.bitmap import arrays_from
from shared.venues.meteora.pool import NEARBY, DlmmPool
from shared.venues.meteora.program import bin_array
from shared.venues.meteora.walk import ENABLED, Standing
from shared.venues.onchain.pools import Pools

UNSUPPORTED_TOKEN = "UNSUPPORTED_TOKEN"  # noqa: S105 - a coin, and no password

_PAIR_TYPES = (0, 2, 3)  # All permissionless; 1 is by permission, and nobody has tried it.
_FUNCTION_TYPES, _FEE_MODES = range(3), range(2)

Accounts = Mapping[Pubkey, Account | None]


class Reading(Struct, frozen=True, kw_only=True):
    """The pools of a pair that can be traded in, and why others of them are passed over."""

    clock: ChainClock
    found: Sequence[Standing]
    faults: Sequence[str]

    def at(self, venue: str, mint_in: Pubkey) -> Pools:
        """Return the pools of a venue of this name as everybody knows pools."""
        pools = [
            DlmmPool(
                venue=venue,
                standing=one,
                side=one.pair.mints.index(mint_in),
                clock=self.clock,
            )
            for one in self.found
        ]
        return Pools(found=pools, faults=self.faults)


def keys_of(mints: Sequence[Pubkey], pairs: Mapping[Pubkey, LbPair]) -> tuple[Pubkey, ...]:
    """Return the accounts that tell the state of pools, to be read in one getMultipleAccounts.

    Their bin arrays are those that swaps go through from where the pools are now.
    """
    keys = [CLOCK, *mints]
    for address, pair in pairs.items():
        keys += (address, *pair.reserves)
        keys += (bin_array(address, index) for index in _nearby(pair))
    return tuple(keys)


def read_pools(
    pools: Sequence[Pubkey], decimals: Mapping[Pubkey, int], accounts: Accounts
) -> Reading:
    """Return the pools of a pair; `decimals` are those that its mints are known to have.

    Raises `BadAccount` for mints that are not as they are known, or a chain without a clock.
    """
    try:
        clock = read_clock(accounts.get(CLOCK))
    except ValueError as error:
        raise BadAccount(str(error)) from None
    for mint, known in decimals.items():
        if (found := read_decimals(mint, accounts.get(mint))) != known:
            raise BadAccount(f"mint {mint}: it has {found} decimals, and {known} are configured")
    standings, faults = list[Standing](), list[str]()
    for address in pools:
        try:
            standings.append(_standing(address, accounts))
        except BadAccount as error:
            faults.append(str(error))
    return Reading(clock=clock, found=standings, faults=faults)


def deepest(pairs: Mapping[Pubkey, LbPair], accounts: Accounts, most: int) -> list[Pubkey]:
    """Return the pools that hold most of a pair's tokens, the deepest first, `most` at most.

    `accounts` has their reserves. A pool counts by its shares of both tokens in all of them: no
    price that somebody gave a pool moves it up. Those that are switched off come last.
    """
    held = {address: _held(address, pair, accounts) for address, pair in pairs.items()}
    totals = {
        mint: sum(atoms[mint] for atoms in held.values())
        for atoms in held.values()
        for mint in atoms
    }

    def share(address: Pubkey) -> Fraction:
        parts = held[address].items()
        return sum((Fraction(atoms, totals[mint] or 1) for mint, atoms in parts), Fraction(0))

    def rank(address: Pubkey) -> tuple[bool, Fraction, bytes]:
        return (pairs[address].status != ENABLED, -share(address), bytes(address))

    return sorted(pairs, key=rank)[:most]


def check_kind(address: Pubkey, pair: LbPair) -> None:
    """Raise `BadAccount` for pools whose swaps nobody has shown to be as they are counted here."""
    for mint, flag in zip(pair.mints, pair.programs, strict=True):
        if flag != 0:
            # Its mints may take fees of transfers, or have programs that refuse them.
            raise BadAccount(f"{UNSUPPORTED_TOKEN}: {mint} belongs to Token-2022")
    for what, kind, known in (
        ("pair type", pair.pair_type, _PAIR_TYPES),
        ("function type", pair.function_type, _FUNCTION_TYPES),
        ("fee mode", pair.collect_fee_mode, _FEE_MODES),
        ("activation type", pair.by_time, range(2)),
    ):
        if kind not in known:
            raise BadAccount(f"LbPair {address}: {what} {kind} is not supported")


def _held(address: Pubkey, pair: LbPair, accounts: Accounts) -> dict[Pubkey, int]:
    try:
        return {
            mint: read_reserve(address, key, accounts.get(key), mint)
            for key, mint in zip(pair.reserves, pair.mints, strict=True)
        }
    except BadAccount:
        return dict.fromkeys(pair.mints, 0)


def _nearby(pair: LbPair) -> Sequence[int]:
    return sorted({*arrays_from(pair, 0, NEARBY), *arrays_from(pair, 1, NEARBY)})


def _standing(address: Pubkey, accounts: Accounts) -> Standing:
    account = accounts.get(address)
    if account is None:
        raise BadAccount(f"LbPair {address}: it is gone")
    pair = read_pair(address, account)
    check_kind(address, pair)
    in_x, in_y = (
        read_reserve(address, key, accounts.get(key), mint)
        for key, mint in zip(pair.reserves, pair.mints, strict=True)
    )
    arrays = {
        index: read_array(address, index, accounts[key])
        for index in _nearby(pair)
        if (key := bin_array(address, index)) in accounts
    }
    return Standing(address=address, pair=pair, reserves=(in_x, in_y), arrays=arrays)
