"""The program's accounts, read strictly from their bytes.

Layouts: states/config.rs and states/pool.rs of the program; numbers are little-endian, and an
account begins with eight bytes of sha256 of ``account:`` and its name.
"""

from __future__ import annotations

import struct
from typing import Any

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.addresses import SYSTEM, Mint
from shared.solana.token_accounts import balance_of, is_of
from shared.venues.raydium.program import AUTHORITY, CPMM


class BadAccount(Exception):
    """An account is not what it should be; the message names it and the fault."""


class AmmConfig(Struct, frozen=True, kw_only=True):
    """A fee tier. Rates are millionths: of the amount in, and protocol's and fund's of the fee."""

    trade_fee_rate: int
    protocol_fee_rate: int
    fund_fee_rate: int
    creator_fee_rate: int


class Pool(Struct, frozen=True, kw_only=True):
    """A pool. Pairs are of token 0 and 1; fees are owed, in atoms, and lie in the vaults still.

    `creator_fee_on`: 0 for a fee on the token that comes in, 1 and 2 for token 0 or 1 only.
    """

    config: Pubkey
    vaults: tuple[Pubkey, Pubkey]
    mints: tuple[Pubkey, Pubkey]
    programs: tuple[Pubkey, Pubkey]
    decimals: tuple[int, int]
    observation: Pubkey
    status: int
    protocol_fees: tuple[int, int]
    fund_fees: tuple[int, int]
    creator_fees: tuple[int, int]
    open_time: int
    creator_fee_on: int
    creator_fee_enabled: bool


_CONFIG = struct.Struct("<8s B ? H Q Q Q Q 32s 32s Q 120x")
_CONFIG_IS = bytes.fromhex("daf42168cbcb2b6f")
_POOL = struct.Struct(
    "<8s 32s 32s 32s 32s 32s 32s 32s 32s 32s 32s B B B B B Q Q Q Q Q Q Q B B 6x Q Q 224x"
)
_POOL_IS = bytes.fromhex("f7ede3f5d7c3de46")


def exists(account: Account | None) -> bool:
    """Return whether somebody made it: lamports sent to an address alone make no account."""
    return account is not None and account.owner != SYSTEM


def read_config(key: Pubkey, account: Account) -> AmmConfig:
    """Return a fee tier. Raises `BadAccount`."""
    fields = _unpacked(f"AmmConfig {key}", _CONFIG, _CONFIG_IS, account)
    _, _, _, _, trade, protocol, fund, _, _, _, creator = fields
    return AmmConfig(
        trade_fee_rate=trade,
        protocol_fee_rate=protocol,
        fund_fee_rate=fund,
        creator_fee_rate=creator,
    )


def read_pool(key: Pubkey, account: Account) -> Pool:
    """Return a pool. Raises `BadAccount`."""
    fields = _unpacked(f"PoolState {key}", _POOL, _POOL_IS, account)
    config, _, vault_0, vault_1, _, mint_0, mint_1, program_0, program_1, observation = (
        Pubkey.from_bytes(field) for field in fields[1:11]
    )
    _, status, _, decimals_0, decimals_1 = fields[11:16]
    _, protocol_0, protocol_1, fund_0, fund_1, open_time, _ = fields[16:23]
    creator_fee_on, enabled, creator_0, creator_1 = fields[23:]
    return Pool(
        config=config,
        vaults=(vault_0, vault_1),
        mints=(mint_0, mint_1),
        programs=(program_0, program_1),
        decimals=(decimals_0, decimals_1),
        observation=observation,
        status=status,
        protocol_fees=(protocol_0, protocol_1),
        fund_fees=(fund_0, fund_1),
        creator_fees=(creator_0, creator_1),
        open_time=open_time,
        creator_fee_on=creator_fee_on,
        creator_fee_enabled=bool(enabled),
    )


def read_vault(key: Pubkey, account: Account | None, mint: Mint) -> int:
    """Return the atoms in a vault, those owed included. Raises `BadAccount`."""
    if account is None or not is_of(account, AUTHORITY, mint):
        fault = f"it is no token account of the program for {mint.address}, or it is frozen"
        raise BadAccount(f"vault {key}: {fault}")
    return balance_of(account.data)


def _unpacked(name: str, layout: struct.Struct, begins: bytes, account: Account) -> tuple[Any, ...]:
    if account.owner != CPMM:
        raise BadAccount(f"{name}: it belongs to {account.owner}, and not to the program")
    if len(account.data) != layout.size:
        raise BadAccount(f"{name}: it has {len(account.data)} bytes, and not {layout.size}")
    if account.data[: len(begins)] != begins:
        raise BadAccount(f"{name}: it begins with {account.data[:8].hex()}: another kind")
    return layout.unpack(account.data)
