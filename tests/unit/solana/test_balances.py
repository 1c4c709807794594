"""A simulation must end as the order says: the firewall's second look."""

from __future__ import annotations

from typing import Any

import pytest
from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount, TokenAccountState

from shared.solana.addresses import SOL, SYSTEM, TOKEN, TOKEN_2022
from shared.solana.firewall.balances import Accounts, judge_balances
from tests.unit.solana.swaps import BONK, RENT, THIEF, USDC, WALLET, terms

FEE = 6_200
OWNER = WALLET.public_key
SWAP = terms(USDC, BONK, amount_in=100, min_out=50)


def _wallet(lamports: int, owner: Pubkey = SYSTEM) -> Account:
    return Account(lamports, b"", owner)


def _tokens(mint: Pubkey, atoms: int, program: Pubkey = TOKEN, **changes: Any) -> Account:
    fields: dict[str, Any] = {
        "mint": mint,
        "owner": OWNER,
        "amount": atoms,
        "delegate": None,
        "state": TokenAccountState.Initialized,
        "is_native": None,
        "delegated_amount": 0,
        "close_authority": None,
    }
    return Account(RENT, bytes(TokenAccount(**fields | changes)), program)


def _accounts(lamports: int, paying: int, receiving: int | None) -> dict[Pubkey, Account | None]:
    received = None if receiving is None else _tokens(BONK.address, receiving)
    paid = _tokens(USDC.address, paying)
    return {OWNER: _wallet(lamports), SWAP.pays: paid, SWAP.receives: received}


BEFORE = _accounts(10_000_000, 100, 7)
AFTER = _accounts(10_000_000 - FEE, 0, 57)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BEFORE, AFTER),
        (BEFORE, _accounts(10_000_000 - FEE, 0, 90)),
        (_accounts(10_000_000, 100, None), _accounts(10_000_000 - FEE - RENT, 0, 50)),
    ],
    ids=["exact", "a better price", "a new account"],
)
def test_balances_that_agree_with_the_order_are_let_through(
    before: Accounts, after: Accounts
) -> None:
    assert judge_balances(SWAP, FEE, before, after) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({SWAP.pays: _tokens(USDC.address, 1)}, "99 atoms are paid, not 100"),
        ({SWAP.receives: _tokens(BONK.address, 56)}, "49 atoms are received, and 50 is the least"),
        ({SWAP.pays: _tokens(USDC.address, 0, delegate=THIEF, delegated_amount=9)}, "in more than"),
        ({SWAP.pays: _tokens(USDC.address, 0, close_authority=THIEF)}, "in more than"),
        ({SWAP.pays: _tokens(USDC.address, 0, owner=THIEF)}, "in more than"),
        ({SWAP.receives: _tokens(BONK.address, 57, owner=THIEF)}, "another mint's or owner's"),
        ({SWAP.receives: _tokens(BONK.address, 57, program=TOKEN_2022)}, "no token account"),
        ({SWAP.receives: Account(RENT, bytes(100), TOKEN)}, "no token account"),
        ({SWAP.receives: Account(RENT, b"\xff" * 165, TOKEN)}, "no token account"),
        ({SWAP.receives: None}, "no account"),
        ({SWAP.pays: None}, "no account"),
        ({OWNER: _wallet(10_000_000 - FEE - 1)}, "falls by 6201 lamports, and 6200 is the most"),
        ({OWNER: _wallet(10_000_000 - FEE, owner=THIEF)}, "no plain wallet"),
        ({OWNER: Account(10_000_000, b"x", SYSTEM)}, "no plain wallet"),
        ({OWNER: None}, "no plain wallet"),
    ],
)
def test_balances_that_disagree_are_refused(
    changes: dict[Pubkey, Account | None], said: str
) -> None:
    refused = judge_balances(SWAP, FEE, BEFORE, AFTER | changes)

    assert refused is not None
    assert said in refused.what


@pytest.mark.parametrize("theirs", [{"delegate": THIEF}, {"close_authority": THIEF}])
def test_a_new_account_that_obeys_somebody_else_is_refused(theirs: dict[str, Pubkey]) -> None:
    before = BEFORE | {SWAP.receives: None}
    made = {SWAP.receives: _tokens(BONK.address, 50, **theirs)}
    refused = judge_balances(SWAP, FEE, before, AFTER | made)

    assert refused is not None
    assert "obeys somebody else" in refused.what


def test_an_account_that_was_given_away_before_the_swap_is_refused() -> None:
    given = {SWAP.receives: _tokens(BONK.address, 7, owner=THIEF)}
    refused = judge_balances(SWAP, FEE, BEFORE | given, AFTER)

    assert refused is not None


@pytest.mark.parametrize(
    ("lamports", "agrees"),
    [(10_000 - FEE - 100, True), (10_000 - FEE - 101, False)],
)
def test_native_sol_that_is_given_is_bounded_by_the_amount_and_the_fee(
    lamports: int, agrees: bool
) -> None:
    order = terms(SOL, BONK, amount_in=100, min_out=50)
    before = {OWNER: _wallet(10_000), order.receives: _tokens(BONK.address, 0)}
    after = {OWNER: _wallet(lamports), order.receives: _tokens(BONK.address, 50)}

    assert (judge_balances(order, FEE, before, after) is None) == agrees


@pytest.mark.parametrize(
    ("lamports", "agrees"),
    [(10_000 - FEE + 50, True), (10_000 - FEE + 49, False)],
)
def test_native_sol_that_is_got_comes_to_the_wallet(lamports: int, agrees: bool) -> None:
    order = terms(USDC, SOL, amount_in=100, min_out=50)
    before = {OWNER: _wallet(10_000), order.pays: _tokens(USDC.address, 100)}
    after = {OWNER: _wallet(lamports), order.pays: _tokens(USDC.address, 0)}

    assert (judge_balances(order, FEE, before, after) is None) == agrees
