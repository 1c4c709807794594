"""Meteora's pools: recorded ones, whose swaps the real program answered, and made-up ones.

Bytes are written by offsets here, and not by the code that reads them.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from shared.solana.addresses import TOKEN
from shared.venues.meteora.accounts import read_array, read_pair
from shared.venues.meteora.program import DLMM, bin_array, oracle, reserve
from shared.venues.meteora.walk import Standing
from tests.support.processes import ROOT

POOL, X, Y = (Pubkey(bytes([number] * 32)) for number in (7, 1, 2))

# Fields of an LbPair: where they are, and what kind they are, as `struct` says it.
_PAIR: Mapping[str, tuple[int, str]] = {
    "base_factor": (8, "H"),
    "filter_period": (10, "H"),
    "decay_period": (12, "H"),
    "reduction_factor": (14, "H"),
    "variable_fee_control": (16, "I"),
    "max_volatility_accumulator": (20, "I"),
    "protocol_share": (32, "H"),
    "base_fee_power_factor": (34, "B"),
    "function_type": (35, "B"),
    "collect_fee_mode": (36, "B"),
    "volatility_accumulator": (40, "I"),
    "volatility_reference": (44, "I"),
    "index_reference": (48, "i"),
    "last_update_timestamp": (56, "q"),
    "pair_type": (75, "B"),
    "active_id": (76, "i"),
    "bin_step": (80, "H"),
    "status": (82, "B"),
    "activation_type": (86, "B"),
    "token_x_mint": (88, "32s"),
    "token_y_mint": (120, "32s"),
    "reserve_x": (152, "32s"),
    "reserve_y": (184, "32s"),
    "protocol_fee_x": (216, "Q"),
    "protocol_fee_y": (224, "Q"),
    "reward_mint": (264, "32s"),
    "oracle": (552, "32s"),
    "bitmap": (584, "128s"),
    "activation_point": (816, "Q"),
    "token_x_flag": (880, "B"),
    "token_y_flag": (881, "B"),
}
_PAIR_BYTES, _ARRAY_BYTES, _FIRST_BIN, _BIN_BYTES = 904, 10_136, 56, 144
_TOKEN_ACCOUNT_BYTES = 165
_DEFAULTS = {
    "base_factor": 10_000,
    "filter_period": 30,
    "decay_period": 600,
    "reduction_factor": 5_000,
    "variable_fee_control": 40_000,
    "max_volatility_accumulator": 350_000,
    "protocol_share": 500,
    "bin_step": 10,
}
# Fields of a bin, in the order of the recorded file's rows.
_BIN = [
    *((0, "Q"), (8, "Q"), (48, "Q"), (56, "Q"), (112, "Q"), (120, "Q"), (128, "Q")),
    *((136, "I"), (140, "B")),
]


@cache
def vectors() -> dict[str, Any]:
    """Return what the real program answered; the file's `meta` says how it was asked."""
    text = (ROOT / "tests" / "data" / "meteora_dlmm_vectors.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]  # An object, by its makers' word.


def put(data: bytearray, name: str, value: int | bytes) -> None:
    """Write a field of an LbPair."""
    at, kind = _PAIR[name]
    struct.pack_into("<" + kind, data, at, value)


def pair_bytes(pool: Pubkey = POOL, arrays: Iterable[int] = (), /, **fields: int | bytes) -> bytes:
    """Return a made-up LbPair of X and Y with liquidity in some bin arrays."""
    data = bytearray(_PAIR_BYTES)
    data[:8] = bytes.fromhex("210b3162b565b10d")
    own = {
        "token_x_mint": bytes(X),
        "token_y_mint": bytes(Y),
        "reserve_x": bytes(reserve(pool, X)),
        "reserve_y": bytes(reserve(pool, Y)),
        "oracle": bytes(oracle(pool)),
        "bitmap": sum(1 << (index + 512) for index in arrays).to_bytes(128, "little"),
    }
    for name, value in {**_DEFAULTS, **own, **fields}.items():
        put(data, name, value)
    return bytes(data)


def array_bytes(index: int, bins: Mapping[int, tuple[int, ...]], pool: Pubkey = POOL) -> bytes:
    """Return a bin array; a bin is its atoms of X and Y, and what limit orders say of it."""
    data = bytearray(_ARRAY_BYTES)
    data[:8] = bytes.fromhex("5c8e5cdc059446b5")
    struct.pack_into("<q", data, 8, index)
    data[24:56] = bytes(pool)
    for bin_id, row in bins.items():
        put_bin(data, bin_id, row)
    return bytes(data)


def put_bin(data: bytearray, bin_id: int, row: Iterable[int]) -> None:
    """Write a bin's amounts."""
    start = _FIRST_BIN + _BIN_BYTES * (bin_id % 70)
    for (at, kind), value in zip(_BIN, row, strict=False):
        struct.pack_into("<" + kind, data, start + at, value)


def held(mint: Pubkey, owner: Pubkey, atoms: int) -> Account:
    """Return a token account."""
    state = TokenAccount(mint, owner, atoms, None, TokenAccountState.Initialized, None, 0, None)
    return Account(1, bytes(state), TOKEN)


def native(mint: Pubkey, owner: Pubkey, atoms: int) -> Account:
    """Return a token account of wrapped SOL, which holds the lamports that it speaks of."""
    state = TokenAccount(mint, owner, atoms, None, TokenAccountState.Initialized, 1, 0, None)
    return Account(1 + atoms, bytes(state), TOKEN)


def minted(decimals: int) -> Account:
    """Return a mint."""
    return Account(1, bytes(Mint(None, 10**15, decimals, True, None)), TOKEN)


def ours(data: bytes) -> Account:
    """Return an account of the program."""
    return Account(1, data, DLMM)


def standing(bins: Mapping[int, tuple[int, ...]], **fields: int | bytes) -> Standing:
    """Return a made-up pool whose reserves have what its bins say, and no more."""
    arrays = sorted({bin_id // 70 for bin_id in bins})
    pair = read_pair(POOL, ours(pair_bytes(POOL, arrays, **fields)))
    datas = {
        index: array_bytes(index, {key: row for key, row in bins.items() if key // 70 == index})
        for index in arrays
    }
    return Standing(
        address=POOL,
        pair=pair,
        reserves=(
            sum(row[0] + _offered(row, asks=True) for row in bins.values()),
            sum(row[1] + _offered(row, asks=False) for row in bins.values()),
        ),
        arrays={index: read_array(POOL, index, ours(data)) for index, data in datas.items()},
    )


def _offered(row: tuple[int, ...], *, asks: bool) -> int:
    return row[4] + row[6] if len(row) == len(_BIN) and bool(row[8]) == asks else 0


class Recorded:
    """A recorded pool, carried on from swap to swap as the real program left it."""

    def __init__(self, name: str) -> None:
        state = vectors()["states"][name]
        self._name = name
        self.pool = Pubkey.from_string(state["pool"])
        self.accounts: dict[str, bytearray] = {
            key: bytearray(_blob(account["blob"])) for key, account in state["accounts"].items()
        }
        self._arrays = {int(index): key for index, key in state["bin_arrays"].items()}
        self._reserves = (state["reserve_x"], state["reserve_y"])

    def shown(self) -> dict[Pubkey, Account]:
        """Return its accounts as they would be on a chain."""
        owners = vectors()["states"][self._name]["accounts"]
        return {
            Pubkey.from_string(key): Account(
                10**12 + _lamports(data), bytes(data), Pubkey.from_string(owners[key]["owner"])
            )
            for key, data in self.accounts.items()
        }

    def keep_to_its_arrays(self) -> None:
        """Let the bitmap tell of no bin arrays but those that were recorded with the pool."""
        bits = sum(1 << (index + 512) for index in self._arrays)
        put(self.accounts[str(self.pool)], "bitmap", bits.to_bytes(128, "little"))

    def standing(self, arrays: Iterable[int]) -> Standing:
        """Return the pool as it stands, with these bin arrays."""
        in_x, in_y = self._reserves
        return Standing(
            address=self.pool,
            pair=read_pair(self.pool, ours(bytes(self.accounts[str(self.pool)]))),
            reserves=(in_x, in_y),
            arrays={
                index: read_array(self.pool, index, ours(bytes(self.accounts[key])))
                for index in arrays
                if (key := self._arrays[index]) == str(bin_array(self.pool, index))
            },
        )

    def bins(self) -> list[bytes]:
        """Return the data of all its bin arrays."""
        return [bytes(self.accounts[key]) for key in self._arrays.values()]

    def carry_on(self, case: Mapping[str, Any]) -> None:
        """Become as the program left it."""
        if not case["ok"]:
            return
        for name, value in case["after"].items():
            put(self.accounts[str(self.pool)], name, value)
        for bin_id, *row in case["bins_changed"]:
            put_bin(self.accounts[self._arrays[bin_id // 70]], bin_id, row)
        given, got = case["amount_in"], -case["amount_out"]
        moved = (given, got) if case["x_to_y"] else (got, given)
        in_x, in_y = (had + more for had, more in zip(self._reserves, moved, strict=True))
        self._reserves = (in_x, in_y)


def recorded_swaps() -> Iterator[tuple[Mapping[str, Any], Recorded]]:
    """Return every recorded swap with its pool as it stood."""
    name, pool = "", None
    for case in vectors()["cases"]:
        if pool is None or case["state"] != name:
            name, pool = case["state"], Recorded(case["state"])
        yield case, pool
        pool.carry_on(case)


def _lamports(data: bytes | bytearray) -> int:
    """Return what a token account of wrapped SOL has besides its rent, and 0 for any other."""
    is_native = len(data) == _TOKEN_ACCOUNT_BYTES and any(data[109:113])
    return int.from_bytes(data[64:72], "little") if is_native else 0


def _blob(digest: str) -> bytes:
    return gzip.decompress(base64.b64decode(vectors()["blobs"][digest]))
