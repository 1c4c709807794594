"""The bytes of AmmConfig, PoolState and ObservationState, as in programs/raydium_cpmm/layouts.h."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from devchain.cpmm.addresses import AUTHORITY_BUMP, PoolAddresses
from devchain.wire import discriminator

_CONFIG = struct.Struct("<8sBBH4Q32s32sQ120x")
_POOL = struct.Struct("<8s320s5B7QBB6x2Q224x")
_OBSERVATIONS = 4075
LP_DECIMALS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A class of pools. Rates are millionths: protocol and fund have shares of the trade fee."""

    index: int
    trade_fee_rate: int
    protocol_fee_rate: int
    fund_fee_rate: int
    creator_fee_rate: int = 0


def config_bytes(config: Config, *, bump: int, owner: Pubkey) -> bytes:
    """Return the account of a config; the owner takes protocol's and fund's fees."""
    return _CONFIG.pack(
        discriminator("account", "AmmConfig"),
        bump,
        0,
        config.index,
        config.trade_fee_rate,
        config.protocol_fee_rate,
        config.fund_fee_rate,
        0,
        bytes(owner),
        bytes(owner),
        config.creator_fee_rate,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """The numbers of a pool; pairs are of token 0 and token 1, fees are owed and no reserves."""

    decimals: tuple[int, int]
    lp_supply: int = 0
    status: int = 0
    open_time: int = 0
    recent_epoch: int = 0
    protocol_fees: tuple[int, int] = (0, 0)
    fund_fees: tuple[int, int] = (0, 0)
    creator_fees: tuple[int, int] = (0, 0)
    creator_fee_on: int = 0
    creator_fee_enabled: bool = False

    def owed(self, token: int) -> int:
        """Return the atoms in a vault that are no reserve."""
        return self.protocol_fees[token] + self.fund_fees[token] + self.creator_fees[token]


def pool_bytes(pool: PoolState, at: PoolAddresses, creator: Pubkey) -> bytes:
    """Return the account of a pool of two mints of the plain token program."""
    keys = (at.config, creator, *at.vaults, at.lp_mint, *at.mints, TOKEN_PROGRAM, TOKEN_PROGRAM)
    return _POOL.pack(
        discriminator("account", "PoolState"),
        b"".join(bytes(key) for key in (*keys, at.observation)),
        AUTHORITY_BUMP,
        pool.status,
        LP_DECIMALS,
        *pool.decimals,
        pool.lp_supply,
        *pool.protocol_fees,
        *pool.fund_fees,
        pool.open_time,
        pool.recent_epoch,
        pool.creator_fee_on,
        pool.creator_fee_enabled,
        *pool.creator_fees,
    )


def read_pool(data: bytes) -> PoolState:
    """Return the numbers of a pool's account; struct.error if it has another length."""
    numbers = _POOL.unpack(data)[2:]
    _, status, _, *decimals = numbers[:5]
    lp_supply, p0, p1, f0, f1, open_time, epoch, fee_on, enabled, c0, c1 = numbers[5:]
    return PoolState(
        decimals=(decimals[0], decimals[1]),
        lp_supply=lp_supply,
        status=status,
        open_time=open_time,
        recent_epoch=epoch,
        protocol_fees=(p0, p1),
        fund_fees=(f0, f1),
        creator_fees=(c0, c1),
        creator_fee_on=fee_on,
        creator_fee_enabled=bool(enabled),
    )


def observation_bytes(pool: Pubkey) -> bytes:
    """Return a pool's diary of prices with nothing in it; the first swap begins it."""
    head = discriminator("account", "ObservationState") + bytes(3) + bytes(pool)
    return head.ljust(_OBSERVATIONS, b"\0")
