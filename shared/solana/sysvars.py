"""Accounts by which the chain tells of itself: its clock.

Layout: Solana's clock sysvar.
"""

from __future__ import annotations

import struct
from typing import Final

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey
from solders.sysvar import CLOCK as _CLOCK

CLOCK: Final[Pubkey] = _CLOCK
_LAYOUT: Final = struct.Struct("<Q q Q Q q")


class ChainClock(Struct, frozen=True, kw_only=True):
    """The time as programs are told it: a slot, and unix seconds that the validators agree on."""

    slot: int
    unix_time: int


def read_clock(account: Account | None) -> ChainClock:
    """Return the chain's clock. Raises `ValueError` for what is none."""
    if account is None or len(account.data) != _LAYOUT.size:
        raise ValueError("the chain shows no clock")
    slot, _, _, _, unix_time = _LAYOUT.unpack(account.data)
    return ChainClock(slot=slot, unix_time=unix_time)
