"""Receipts and failures are the chain's own words, and they add up."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shared.orders.values import FailureReason
from shared.solana.addresses import SOL
from shared.solana.receipts import BadReceipt, Failure, Settled, failure, settled
from tests.unit.solana.swaps import BONK, RENT, THIEF, USDC, WALLET, key

WALLET_KEY = str(WALLET.public_key)
FEE = 7_000
POOL = key("another pool")


def _held(at: int, mint: Any, atoms: int, owner: Any = WALLET_KEY) -> dict[str, Any]:
    amount = {"amount": str(atoms), "decimals": 6, "uiAmount": None, "uiAmountString": ""}
    return {
        "accountIndex": at,
        "mint": str(mint.address),
        "owner": str(owner),
        "programId": "",
        "uiTokenAmount": amount,
    }


def _transaction(
    lamports: list[tuple[int, int]], pre: list[Any], post: list[Any], static: int = 2
) -> dict[str, Any]:
    """Return a transaction of a wallet and the accounts after it, those of a table included."""
    keys = [WALLET_KEY, *(str(key(f"account {at}")) for at in range(1, len(lamports)))]
    return {
        "slot": 9,
        "blockTime": None,
        "version": 0,
        "transaction": {"signatures": [], "message": {"accountKeys": keys[:static]}},
        "meta": {
            "err": None,
            "fee": FEE,
            "preBalances": [before for before, _ in lamports],
            "postBalances": [after for _, after in lamports],
            "preTokenBalances": pre,
            "postTokenBalances": post,
            "loadedAddresses": {"writable": keys[static:], "readonly": []},
        },
    }


SAME = (RENT, RENT)
SOL_FOR_USDC = _transaction(
    [(10**9, 10**9 - FEE - RENT - 500), (0, RENT), SAME],
    [_held(2, USDC, 10_000, THIEF)],
    [_held(1, USDC, 75), _held(2, USDC, 9_925, THIEF)],
)


@pytest.mark.parametrize(
    ("transaction", "expected"),
    [
        (SOL_FOR_USDC, (SOL, 500, USDC, 75, RENT)),
        (
            _transaction(
                [(10**9, 10**9 - FEE + 75), SAME], [_held(1, USDC, 500)], [_held(1, USDC, 0)]
            ),
            (USDC, 500, SOL, 75, 0),
        ),
        (
            _transaction(
                [(10**9, 10**9 - FEE), SAME, SAME],
                [_held(1, USDC, 500), _held(2, BONK, 1)],
                [_held(1, USDC, 0), _held(2, BONK, 76)],
            ),
            (USDC, 500, BONK, 75, 0),
        ),
        (  # Out of two pools at once.
            _transaction(
                [(10**9, 10**9 - FEE - 500), SAME, SAME, SAME],
                [_held(1, USDC, 5), _held(2, USDC, 10_000, THIEF), _held(3, USDC, 900, POOL)],
                [_held(1, USDC, 80), _held(2, USDC, 9_950, THIEF), _held(3, USDC, 875, POOL)],
            ),
            (SOL, 500, USDC, 75, 0),
        ),
        (  # The account that paid is closed behind the swap.
            _transaction(
                [(10**9, 10**9 - FEE + RENT), (RENT, 0), SAME],
                [_held(1, USDC, 500), _held(2, BONK, 1)],
                [_held(2, BONK, 76)],
            ),
            (USDC, 500, BONK, 75, -RENT),
        ),
        (  # Wrapped SOL that stays wrapped, in an account that is made for it.
            _transaction(
                [(10**9, 10**9 - FEE - RENT), SAME, (0, RENT + 75)],
                [_held(1, USDC, 500)],
                [_held(1, USDC, 0), _held(2, SOL, 75)],
            ),
            (USDC, 500, SOL, 75, RENT),
        ),
    ],
    ids=["SOL in", "SOL out", "tokens", "two pools", "closed", "wrapped"],
)
def test_the_amounts_are_told_apart_from_fee_and_rent(
    transaction: dict[str, Any], expected: tuple[Any, int, Any, int, int]
) -> None:
    mint_in, amount_in, mint_out, amount_out, rent = expected

    assert settled(transaction, WALLET.public_key) == Settled(
        mint_in=mint_in.address,
        amount_in=amount_in,
        mint_out=mint_out.address,
        amount_out=amount_out,
        fee=FEE,
        rent=rent,
    )


def _broken(field: str, value: Any) -> dict[str, Any]:
    transaction = copy.deepcopy(SOL_FOR_USDC)
    transaction["meta"][field] = value
    return transaction


@pytest.mark.parametrize(
    ("transaction", "said"),
    [
        (None, "cannot be read"),
        ({"meta": None}, "cannot be read"),
        (_broken("preBalances", [10**9, 0]), "cannot be read"),
        (_broken("loadedAddresses", None), "cannot be read"),
        (_broken("postTokenBalances", [_held(7, USDC, 75)]), "cannot be read"),
        (_broken("postTokenBalances", None), "cannot be read"),
        (_broken("err", {"InstructionError": [1, {"Custom": 1}]}), "failed"),
        (_broken("postTokenBalances", []), "not one mint given and one got"),
        (_broken("fee", FEE + 500 + RENT), "not one mint given and one got"),
        (
            _broken("postTokenBalances", [_held(1, USDC, 75), _held(2, BONK, 1)]),
            "not one mint given and one got",
        ),
    ],
    ids=range(10),
)
def test_a_transaction_that_does_not_add_up_is_no_receipt(transaction: object, said: str) -> None:
    with pytest.raises(BadReceipt, match=said):
        settled(transaction, WALLET.public_key)


def test_a_transaction_of_others_is_no_receipt() -> None:
    with pytest.raises(BadReceipt, match="none of"):
        settled(SOL_FOR_USDC, THIEF)


@pytest.mark.parametrize(
    ("err", "reason", "said"),
    [
        ({"InstructionError": [6, {"Custom": 6005}]}, FailureReason.SLIPPAGE_EXCEEDED, "6005"),
        ({"InstructionError": [6, {"Custom": 6000}]}, FailureReason.FAILED_ON_CHAIN, "6 failed"),
        (
            {"InstructionError": [6, "ProgramFailedToComplete"]},
            FailureReason.FAILED_ON_CHAIN,
            "instruction 6 failed: ProgramFailedToComplete",
        ),
        ("AccountInUse", FailureReason.FAILED_ON_CHAIN, "AccountInUse"),
        ({"InsufficientFundsForRent": {"account_index": 1}}, FailureReason.FAILED_ON_CHAIN, "ForR"),
    ],
)
def test_an_error_of_the_chain_has_a_reason(err: object, reason: FailureReason, said: str) -> None:
    found = failure(err, {6005})

    assert isinstance(found, Failure)
    assert found.reason is reason
    assert said in found.detail
