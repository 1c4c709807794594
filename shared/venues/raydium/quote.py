"""The pools of a pair as they stand, and the one of them that pays most."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.addresses import TOKEN, Mint
from shared.venues.raydium.accounts import BadAccount, exists, read_config, read_pool, read_vault
from shared.venues.raydium.curve import NoSwap, Standing, Swapped, is_open, mid_price, swap
from shared.venues.raydium.program import PoolAddresses, pools_of

UNSUPPORTED_TOKEN = "UNSUPPORTED_TOKEN"  # noqa: S105 - a coin, and no password


class Side(Struct, frozen=True):
    """A token of a pair as we know it: its mint, and the decimals that its amounts are read by."""

    mint: Pubkey
    decimals: int


class Found(Struct, frozen=True, kw_only=True):
    """A pool that there is, and which of its tokens comes in."""

    address: Pubkey
    standing: Standing
    side: int


class Pools(Struct, frozen=True, kw_only=True):
    """The pools of a pair that can be traded in, and why others of them are passed over."""

    found: Sequence[Found]
    faults: Sequence[str]


class Best(Struct, frozen=True, kw_only=True):
    """The pool that pays most, and the swap in it."""

    found: Found
    swapped: Swapped


def read_pools(token_in: Side, token_out: Side, accounts: Sequence[Account | None]) -> Pools:
    """Return the pools of a pair; `accounts` are those of `keys_of`, in its order."""
    found, faults = list[Found](), list[str]()
    decimals = {side.mint: side.decimals for side in (token_in, token_out)}
    start = 0
    for addresses in pools_of(token_in.mint, token_out.mint):
        read = accounts[start : start + len(addresses.keys)]
        start += len(read)
        try:
            if standing := _standing(addresses, read):
                _check_tokens(standing, decimals)
                side = addresses.mints.index(token_in.mint)
                found.append(Found(address=addresses.pool, standing=standing, side=side))
        except BadAccount as error:
            faults.append(str(error))
    return Pools(found=found, faults=faults)


def best_of(pools: Pools, amount_in: int, unix_time: int) -> Best:
    """Return the pool that pays most for `amount_in` atoms; of equals, always the same one.

    Raises `NoSwap` where none would swap at `unix_time`, in seconds, with every pool's reason.
    """
    offers, refusals = list[Best](), list(pools.faults)
    for found in pools.found:
        try:
            swapped = swap(found.standing, found.side, amount_in, unix_time)
        except NoSwap as error:
            refusals.append(str(error))
        else:
            offers.append(Best(found=found, swapped=swapped))
    if not offers:
        raise NoSwap("; ".join(dict.fromkeys(refusals)) or "has no pool of this pair")
    return max(offers, key=lambda best: (best.swapped.amount_out, bytes(best.found.address)))


def deepest_price(pools: Pools, unix_time: int) -> Fraction:
    """Return atoms out for an atom in by the pool with most to come in; 0 where there is none.

    Only pools that swap at `unix_time`, in seconds, count: nobody can correct another's price.
    """
    prices = [(0, Fraction(0))]
    for found in pools.found:
        if is_open(found.standing, unix_time):
            with suppress(NoSwap):
                price = mid_price(found.standing, found.side)
                prices.append((found.standing.reserve(found.side), price))
    return max(prices)[1]


def _standing(addresses: PoolAddresses, read: Sequence[Account | None]) -> Standing | None:
    """Return a pool as it stands, or None if nobody made it. Raises `BadAccount`."""
    config, account, *vaults = read
    if config is None or account is None or not (exists(config) and exists(account)):
        return None
    pool = read_pool(addresses.pool, account)
    if (pool.config, pool.mints, pool.vaults) != (
        addresses.config,
        addresses.mints,
        addresses.vaults,
    ):
        raise BadAccount(f"PoolState {addresses.pool}: it names other accounts than its own")
    mints = [Mint(*of) for of in zip(pool.mints, pool.programs, strict=True)]
    in_0, in_1 = map(read_vault, addresses.vaults, vaults, mints)
    return Standing(pool=pool, config=read_config(addresses.config, config), vaults=(in_0, in_1))


def _check_tokens(standing: Standing, decimals: dict[Pubkey, int]) -> None:
    """Raise `BadAccount` for tokens that would not be moved, or not counted, as we know them."""
    pool = standing.pool
    for mint, program, places in zip(pool.mints, pool.programs, pool.decimals, strict=True):
        if program != TOKEN:
            # Its mints may take fees of transfers, or have programs that refuse them.
            raise BadAccount(f"{UNSUPPORTED_TOKEN}: {mint} belongs to {program}")
        if places != decimals[mint]:
            fault = f"it has {places} decimals, and {decimals[mint]} are configured"
            raise BadAccount(f"mint {mint}: {fault}")
