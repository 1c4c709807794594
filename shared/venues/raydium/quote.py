"""The pools of a pair as they stand."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.addresses import TOKEN, Mint
from shared.venues.onchain.pools import Pools
from shared.venues.raydium.accounts import BadAccount, exists, read_config, read_pool, read_vault
from shared.venues.raydium.curve import Standing
from shared.venues.raydium.pool import CpmmPool
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


class Reading(Struct, frozen=True, kw_only=True):
    """The pools of a pair that can be traded in, and why others of them are passed over."""

    found: Sequence[Found]
    faults: Sequence[str]

    def at(self, venue: str, unix_time: int) -> Pools:
        """Return the pools of a venue of this name as everybody knows pools."""
        pools = [
            CpmmPool(
                venue=venue,
                address=one.address,
                standing=one.standing,
                side=one.side,
                unix_time=unix_time,
            )
            for one in self.found
        ]
        return Pools(found=pools, faults=self.faults)


def read_pools(token_in: Side, token_out: Side, accounts: Sequence[Account | None]) -> Reading:
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
    return Reading(found=found, faults=faults)


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
