"""Meteora's DLMM on a chain in memory: ours, and what the real one answered."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM
from solders.token.state import TokenAccount, TokenAccountState

from devchain.dlmm.addresses import PROGRAM, PoolAddresses, array_address
from devchain.dlmm.layouts import Bin, Pair, read_array, read_pair
from devchain.wire import associated
from tests.support.cpmm import SYSTEM, TOKEN_2022, data_of
from tests.support.cpmm import new_chain as new_plain_chain
from tests.support.processes import ROOT

MOST_UNITS = 1_400_000  # That a transaction may spend.
_DATA = ROOT / "tests" / "data"
_LAMPORTS = 10**12
_HELD = 2**58
_STRAY = Pubkey(bytes([99] * 32))


@cache
def vectors() -> dict[str, Any]:
    """Return what the real program answered; the file's `meta` says how it was asked."""
    text = (_DATA / "meteora_dlmm_vectors.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]  # An object, by its makers' word.


@cache
def refusals() -> dict[str, Any]:
    """Return what the real program answered to wrong accounts and data, as `change` makes them."""
    text = (_DATA / "meteora_dlmm_refusals.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]  # An object, by its makers' word.


@cache
def random_pools() -> dict[str, Any]:
    """Return what the real program answered on random pools: bins, orders, fees, volatility."""
    text = (_DATA / "meteora_dlmm_random.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]  # An object, by its makers' word.


USER = Pubkey.from_string(vectors()["meta"]["user"])
_OWNERS = {"system": SYSTEM, "token": TOKEN_PROGRAM, "token 2022": TOKEN_2022, "program": PROGRAM}


def blob(name: str) -> bytes:
    """Return recorded data of an account."""
    return unpacked(vectors()["blobs"][name])


def unpacked(data: str) -> bytes:
    """Return data that were written down as base64 of gzip."""
    return gzip.decompress(base64.b64decode(data))


def new_chain() -> LiteSVM:
    """Return a chain with the program and the user, in the slot of the recording."""
    chain = new_plain_chain()
    chain.set_account(USER, Account(_LAMPORTS, b"", SYSTEM))
    chain.warp_to_slot(vectors()["meta"]["slot"])
    return chain


def bins_of(chain: LiteSVM, at: PoolAddresses) -> tuple[Pair, dict[int, Bin]]:
    """Return a pool, and its bins that hold tokens."""
    pair = read_pair(data_of(chain, at.pair))
    bins: dict[int, Bin] = {}
    for index in pair.arrays:
        bins |= read_array(data_of(chain, array_address(at.pair, index)))
    return pair, bins


def put_state(chain: LiteSVM, state: Mapping[str, Any]) -> None:
    """Put a recorded pool where it was, and tokens of both kinds into the user's accounts."""
    for key, account in state["accounts"].items():
        owner = Pubkey.from_string(account["owner"])
        put(chain, Pubkey.from_string(key), blob(account["blob"]), owner)
    for mint in mints(state):
        native = 2_039_280 if str(mint).startswith("So111") else None
        used = TokenAccountState.Initialized
        data = bytes(TokenAccount(mint, USER, _HELD, None, used, native, 0, None))
        put(chain, associated(USER, mint), data, TOKEN_PROGRAM)


def put(chain: LiteSVM, key: Pubkey, data: bytes, owner: Pubkey) -> None:
    """Put an account; one of wrapped SOL has the lamports that it speaks of."""
    wraps = len(data) == 165 and int.from_bytes(data[109:113], "little")
    lamports = int.from_bytes(data[64:72], "little") if wraps else 0
    chain.set_account(key, Account(_LAMPORTS + min(lamports, 2**60), data, owner))


def mints(state: Mapping[str, Any]) -> tuple[Pubkey, Pubkey]:
    """Return a recorded pool's two mints."""
    pool = vectors()["meta"]["pools"][state["pool"]]
    return Pubkey.from_string(pool["token_x"]), Pubkey.from_string(pool["token_y"])


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap2 as it is sent: accounts and data."""

    accounts: tuple[AccountMeta, ...]
    data: bytes

    def instruction(self) -> Instruction:
        """Return it as a transaction takes it."""
        return Instruction(PROGRAM, self.data, list(self.accounts))


def swap_of(
    chain: LiteSVM, state: Mapping[str, Any], case: Mapping[str, Any], arrays: Sequence[int]
) -> Swap:
    """Return a recorded swap; roles, signers and writable accounts are those of the recording."""
    pool = Pubkey.from_string(state["pool"])
    data, both = data_of(chain, pool), mints(state)
    paid, wanted = both if case["x_to_y"] else both[::-1]
    here = {
        "lb_pair": pool,
        "reserve_x": Pubkey(data[152:184]),
        "reserve_y": Pubkey(data[184:216]),
        "oracle": Pubkey(data[552:584]),
        "user_token_in": associated(USER, paid),
        "user_token_out": associated(USER, wanted),
        "token_x_mint": both[0],
        "token_y_mint": both[1],
    }
    fixed = vectors()["instructions"][0]["accounts"][:16]
    metas = [
        AccountMeta(
            here.get(a["role"]) or Pubkey.from_string(a["pubkey"]), a["signer"], a["writable"]
        )
        for a in fixed
    ]
    keys = [Pubkey.from_string(state["bin_arrays"][str(index)]) for index in arrays]
    metas += [AccountMeta(key, is_signer=False, is_writable=True) for key in keys]
    wish = struct.pack("<QQI", case["amount_in"], case["min_out"], 0)
    return Swap(tuple(metas), bytes.fromhex(vectors()["meta"]["swap2_discriminator"]) + wish)


def change(chain: LiteSVM, swap: Swap, place: int, kind: str, how: Any) -> Swap:
    """Make one thing wrong: with the account at a place of a swap, or with what lies in it.

    Kinds: readonly, writable, unsigned; another (the account at the place `how`, or one that is
    not there), copy (the same data at another address, of another owner unless `how` is null),
    owner (another one), data ([start, bytes in hex] are written, [length] is the length from then
    on, which may be below zero: from the end).
    """
    meta = swap.accounts[place]
    account = chain.get_account(meta.pubkey)
    data, owner = (bytes(account.data), account.owner) if account else (b"", SYSTEM)
    match kind:
        case "readonly" | "writable":
            meta = AccountMeta(meta.pubkey, meta.is_signer, kind == "writable")
        case "unsigned":
            meta = AccountMeta(meta.pubkey, is_signer=False, is_writable=meta.is_writable)
        case "another":
            key = _STRAY if how is None else swap.accounts[how].pubkey
            meta = AccountMeta(key, meta.is_signer, meta.is_writable)
        case "copy":
            key = Pubkey(bytes([100 + place] * 32))
            put(chain, key, data, _OWNERS[how] if how else owner)
            meta = AccountMeta(key, meta.is_signer, meta.is_writable)
        case "owner":
            put(chain, meta.pubkey, data, _OWNERS[how])
        case "data":
            put(chain, meta.pubkey, _edited(data, *how), owner)
    return replace(swap, accounts=(*swap.accounts[:place], meta, *swap.accounts[place + 1 :]))


def _edited(data: bytes, start: int, written: str | None = None) -> bytes:
    if written is None:
        return data[:start] if start <= len(data) else data.ljust(start, b"\0")
    new = bytes.fromhex(written)
    return data[:start] + new + data[start + len(new) :]
