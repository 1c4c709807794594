"""Judge a simulation: the wallet's accounts before and after must agree with the order."""

from __future__ import annotations

from collections.abc import Mapping

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount, TokenAccountState

from shared.solana.addresses import SYSTEM, Mint
from shared.solana.firewall.allowed import Refusal, Refused
from shared.solana.terms import Terms
from shared.solana.token_accounts import AMOUNT

Accounts = Mapping[Pubkey, Account | None]

_TOKEN_ACCOUNT_BYTES = 165


def watched(terms: Terms) -> list[Pubkey]:
    """Return the accounts to read before a simulation, and to have it answer with."""
    kept = {terms.pays: terms.mint_in, terms.receives: terms.mint_out}
    return [terms.wallet, *(key for key, mint in kept.items() if not mint.is_sol)]


def judge_balances(
    terms: Terms, network_fee: int, before: Accounts, after: Accounts
) -> Refused | None:
    """Return why a simulated transaction must not be signed, or None if it agrees with the order.

    `network_fee` is the base and priority fee in lamports. Both mappings hold the accounts that
    `watched` names; None is an account that there is not.
    """
    try:
        rent = 0
        if not terms.mint_in.is_sol:
            _pays(terms, before.get(terms.pays), after.get(terms.pays))
        if not terms.mint_out.is_sol:
            rent = _receives(terms, before.get(terms.receives), after.get(terms.receives))
        _lamports(terms, network_fee + rent, before.get(terms.wallet), after.get(terms.wallet))
    except Refusal as refusal:
        return Refused(f"simulated, {refusal}")
    return None


def _pays(terms: Terms, before: Account | None, after: Account | None) -> None:
    if before is None or after is None:
        raise Refusal(f"there is no account {terms.pays} to pay from")
    _unchanged(terms.pays, before, after)
    wallet, mint = terms.wallet, terms.mint_in
    paid = _amount(wallet, mint, terms.pays, before) - _amount(wallet, mint, terms.pays, after)
    if paid != terms.amount_in:
        raise Refusal(f"{paid} atoms are paid, not {terms.amount_in}")


def _receives(terms: Terms, before: Account | None, after: Account | None) -> int:
    """Return the lamports that a new account keeps as its deposit."""
    if after is None:
        raise Refusal(f"there is no account {terms.receives} to receive with")
    wallet, mint = terms.wallet, terms.mint_out
    got = _amount(wallet, mint, terms.receives, after)
    if before is not None:
        _unchanged(terms.receives, before, after)
        got -= _amount(wallet, mint, terms.receives, before)
    elif _read(terms.receives, mint, after).delegate or _closer(terms.receives, mint, after):
        raise Refusal(f"the new account {terms.receives} obeys somebody else too")
    if got < terms.min_out:
        raise Refusal(f"{got} atoms are received, and {terms.min_out} is the least")
    return 0 if before is not None else after.lamports


def _lamports(terms: Terms, costs: int, before: Account | None, after: Account | None) -> None:
    if before is None or after is None or {before.owner, after.owner} != {SYSTEM} or after.data:
        raise Refusal(f"{terms.wallet} is no plain wallet")
    if terms.mint_in.is_sol:
        costs += terms.amount_in
    if terms.mint_out.is_sol:
        costs -= terms.min_out
    if (spent := before.lamports - after.lamports) > costs:
        raise Refusal(f"the wallet's SOL falls by {spent} lamports, and {costs} is the most")


def _amount(wallet: Pubkey, mint: Mint, key: Pubkey, account: Account) -> int:
    held = _read(key, mint, account)
    if (held.mint, held.owner, held.state) != (mint.address, wallet, TokenAccountState.Initialized):
        raise Refusal(f"account {key} is another mint's or owner's, or frozen")
    return held.amount


def _closer(key: Pubkey, mint: Mint, account: Account) -> Pubkey | None:
    return _read(key, mint, account).close_authority


def _read(key: Pubkey, mint: Mint, account: Account) -> TokenAccount:
    if account.owner != mint.program or len(account.data) < _TOKEN_ACCOUNT_BYTES:
        raise Refusal(f"{key} is no token account")
    try:
        return TokenAccount.from_bytes(account.data[:_TOKEN_ACCOUNT_BYTES])
    except ValueError:
        raise Refusal(f"{key} is no token account") from None


def _unchanged(key: Pubkey, before: Account, after: Account) -> None:
    """Refuse any change but that of the balance: a delegate, another owner, a lock."""
    old, new = bytearray(before.data), bytearray(after.data)
    del old[AMOUNT], new[AMOUNT]
    if old != new or before.owner != after.owner:
        raise Refusal(f"account {key} changes in more than its balance")
