"""The amounts of a landed transaction, by the chain's own word, and the meaning of its error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from msgspec import Struct
from solders.pubkey import Pubkey

from shared.orders.values import FailureReason
from shared.solana.addresses import WRAPPED_SOL


class BadReceipt(Exception):
    """The transaction's balances are no swap of the wallet, or cannot be read."""


class Settled(Struct, frozen=True, kw_only=True):
    """A swap as it happened, in atoms.

    The lamports of `fee` (base and priority) and `rent` are in neither amount. `rent` is what the
    wallet's own token accounts keep as deposit: below 0 where one was closed.
    """

    mint_in: Pubkey
    amount_in: int
    mint_out: Pubkey
    amount_out: int
    fee: int
    rent: int


class Failure(Struct, frozen=True):
    """Why a transaction on the chain swapped nothing."""

    reason: FailureReason
    detail: str


class _Read(Struct, frozen=True, rename="camel"):
    pass


class _Amount(_Read, frozen=True):
    amount: str


class _Holding(_Read, frozen=True):
    account_index: int
    mint: str
    owner: str
    ui_token_amount: _Amount


class _Loaded(_Read, frozen=True):
    writable: list[str] = []
    readonly: list[str] = []


class _Meta(_Read, frozen=True):
    err: Any
    fee: int
    pre_balances: list[int]
    post_balances: list[int]
    pre_token_balances: list[_Holding]
    post_token_balances: list[_Holding]
    loaded_addresses: _Loaded | None = None


class _Message(_Read, frozen=True):
    account_keys: list[str]


class _Signed(_Read, frozen=True):
    message: _Message


class _Landed(_Read, frozen=True):
    transaction: _Signed
    meta: _Meta


def settled(transaction: object, wallet: Pubkey) -> Settled:
    """Return the swap of a wallet, from the result of getTransaction with encoding `json`.

    Raises `BadReceipt` when the transaction failed, or when its balances are not exactly one mint
    given and one got.
    """
    try:
        landed = msgspec.convert(transaction, _Landed)
        return _settled(landed, str(wallet))
    except (msgspec.ValidationError, ValueError, IndexError) as error:
        raise BadReceipt(f"getTransaction's answer cannot be read: {error}") from None


def _settled(landed: _Landed, wallet: str) -> Settled:
    meta = landed.meta
    if meta.err is not None:
        raise BadReceipt(f"the transaction failed: {meta.err}")
    loaded = meta.loaded_addresses or _Loaded()
    keys = [*landed.transaction.message.account_keys, *loaded.writable, *loaded.readonly]
    lamports = [
        after - before
        for _, before, after in zip(keys, meta.pre_balances, meta.post_balances, strict=True)
    ]
    if wallet not in keys:
        raise BadReceipt(f"the transaction is none of {wallet}")
    fee = meta.fee if keys[0] == wallet else 0
    moved, rent = _tokens(meta, wallet, lamports)
    moved[str(WRAPPED_SOL)] += lamports[keys.index(wallet)] + fee + rent
    given = [mint for mint, atoms in moved.items() if atoms < 0]
    got = [mint for mint, atoms in moved.items() if atoms > 0]
    if len(given) != 1 or len(got) != 1:
        said = ", ".join(f"{atoms:+} of {mint}" for mint, atoms in moved.items() if atoms)
        raise BadReceipt(f"not one mint given and one got, but {said or 'nothing moved'}")
    return Settled(
        mint_in=Pubkey.from_string(given[0]),
        amount_in=-moved[given[0]],
        mint_out=Pubkey.from_string(got[0]),
        amount_out=moved[got[0]],
        fee=fee,
        rent=rent,
    )


def _tokens(meta: _Meta, wallet: str, lamports: list[int]) -> tuple[Counter[str], int]:
    """Return the atoms of each mint that came or went, and the deposits made less those back."""
    moved: Counter[str] = Counter()
    accounts: set[int] = set()
    for sign, holding in _holdings(meta):
        if holding.owner == wallet:
            moved[holding.mint] += sign * int(holding.ui_token_amount.amount)
            accounts.add(holding.account_index)
    deposits = sum(lamports[at] for at in accounts)
    return moved, deposits - moved[str(WRAPPED_SOL)]  # A balance of wrapped SOL is lamports too.


def _holdings(meta: _Meta) -> Iterator[tuple[int, _Holding]]:
    yield from ((-1, holding) for holding in meta.pre_token_balances)
    yield from ((1, holding) for holding in meta.post_token_balances)


def failure(err: object, slippage_codes: Collection[int]) -> Failure:
    """Return the meaning of a transaction's `err`, as statuses and getTransaction give it.

    `slippage_codes` are the codes by which the order's venue says that it would pay less than was
    asked for. Only its program has such: those of Solana's own programs are small numbers.
    """
    match err:
        case {"InstructionError": [int(at), {"Custom": int(code)}]}:
            if code in slippage_codes:
                detail = f"the price moved: the venue would pay less than the least (error {code})"
                return Failure(FailureReason.SLIPPAGE_EXCEEDED, detail)
            detail = f"instruction {at} failed with error {code} of its program"
        case {"InstructionError": [int(at), str(kind)]}:
            detail = f"instruction {at} failed: {kind}"
        case str(kind):
            detail = f"the transaction failed: {kind}"
        case _:
            detail = f"the transaction failed: {msgspec.json.encode(err).decode()}"
    return Failure(FailureReason.FAILED_ON_CHAIN, detail)
