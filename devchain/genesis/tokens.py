"""Accounts of the plain token program, as they lie on a chain."""

from __future__ import annotations

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM
from solders.token.state import Mint, TokenAccount, TokenAccountState

WRAPPED_SOL = Pubkey.from_string("So11111111111111111111111111111111111111112")
_TOKEN_ACCOUNT_BYTES = 165


def rent(size: int) -> int:
    """Return the lamports that an account of so many bytes has to hold for good."""
    return (size + 128) * 6_960


def owned(data: bytes, owner: Pubkey) -> Account:
    """Return an account of a program, with the rent that it needs."""
    return Account(rent(len(data)), data, owner)


def mint_account(authority: Pubkey | None, supply: int, decimals: int) -> Account:
    """Return a mint; without an authority nobody can make more."""
    return owned(bytes(Mint(authority, supply, decimals, True, None)), TOKEN_PROGRAM)


def token_account(mint: Pubkey, owner: Pubkey, atoms: int) -> Account:
    """Return a token account; one of wrapped SOL holds the lamports that it speaks of."""
    native = rent(_TOKEN_ACCOUNT_BYTES) if mint == WRAPPED_SOL else None
    used = TokenAccountState.Initialized
    data = bytes(TokenAccount(mint, owner, atoms, None, used, native, 0, None))
    return Account(rent(len(data)) + (atoms if native else 0), data, TOKEN_PROGRAM)
