"""Token accounts and mints, as both token programs lay them out, and well-known addresses."""

from __future__ import annotations

import struct
from typing import NamedTuple

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
WRAPPED_SOL = Pubkey.from_string("So11111111111111111111111111111111111111112")

_PROGRAMS = {TOKEN, TOKEN_2022}
_HOLDING = 165  # Bytes; with extensions of Token-2022 a byte that tells the kind comes next.
_MINT = 82
_KIND_HOLDING, _KIND_MINT = 2, 1
_UNINITIALIZED = 0
_STATE_AT = 108


class Holding(NamedTuple):
    """A token account: so many atoms of a mint, and whose they are."""

    mint: Pubkey
    owner: Pubkey
    atoms: int


class MintState(NamedTuple):
    """A mint. `authority` is who may make more, if anybody may."""

    authority: Pubkey | None
    supply: int
    decimals: int


def holding(account: Account | None) -> Holding | None:
    """Return what an account holds if it is a token account that was set up."""
    data = _data(account, _HOLDING, _KIND_HOLDING)
    if data is None or data[_STATE_AT] == _UNINITIALIZED:
        return None
    (atoms,) = struct.unpack_from("<Q", data, 64)
    return Holding(Pubkey.from_bytes(data[:32]), Pubkey.from_bytes(data[32:64]), atoms)


def mint_state(account: Account | None) -> MintState | None:
    """Return what a mint says if the account is one that was set up."""
    data = _data(account, _MINT, _KIND_MINT)
    if data is None:
        return None
    has_authority, authority, supply, decimals, is_set_up = struct.unpack_from("<I32sQBB", data)
    if not is_set_up:
        return None
    return MintState(Pubkey.from_bytes(authority) if has_authority else None, supply, decimals)


def _data(account: Account | None, size: int, kind: int) -> bytes | None:
    if account is None or account.owner not in _PROGRAMS:
        return None
    data = account.data
    extended = len(data) > _HOLDING and account.owner == TOKEN_2022 and data[_HOLDING] == kind
    return data if len(data) == size or extended else None
