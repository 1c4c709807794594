"""The balances of a wallet, token by token."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.addresses import WRAPPED_SOL, Mint, token_account
from shared.solana.token_accounts import balance_of
from shared.tokens.amounts import from_atoms
from shared.tokens.registry import Token, Tokens
from shared.venues.onchain.reading import ChainState

_AT_ONCE = 100  # Accounts that getMultipleAccounts takes.
_SOL_DECIMALS = 9


class Holdings(Struct, frozen=True):
    """A wallet's balances of the listed tokens, none of zero, by symbol; as of `slot` at least."""

    slot: int
    balances: Mapping[str, Decimal]


async def holdings(state: ChainState, tokens: Tokens, wallet: Pubkey) -> Holdings:
    """Return what a wallet holds: its lamports as SOL, and its associated token accounts.

    Raises `ServerAway` where no node answers.
    """
    of = [_where(token, wallet) for token in tokens.all]
    slots, found = [], list[Account | None]()
    for start in range(0, len(of), _AT_ONCE):
        snapshot = await state.accounts(tuple(of[start : start + _AT_ONCE]))
        slots.append(snapshot.slot)
        found += snapshot.accounts
    amounts = {
        token.symbol: _amount(token, account)
        for token, account in zip(tokens.all, found, strict=True)
    }
    return Holdings(min(slots), {symbol: amount for symbol, amount in amounts.items() if amount})


def _where(token: Token, wallet: Pubkey) -> Pubkey:
    mint = Pubkey.from_string(token.mint)
    return wallet if mint == WRAPPED_SOL else token_account(wallet, Mint(mint))


def _amount(token: Token, account: Account | None) -> Decimal:
    if account is None:
        return Decimal(0)
    if token.mint == str(WRAPPED_SOL):
        return from_atoms(account.lamports, _SOL_DECIMALS)
    return from_atoms(balance_of(account.data), token.decimals)
