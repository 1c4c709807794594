"""Check that a wallet has what a swap takes, in accounts that are its own."""

from __future__ import annotations

from msgspec import Struct
from solders.pubkey import Pubkey

from shared.observability import metrics
from shared.solana.terms import Terms
from shared.solana.token_accounts import balance_of, is_of
from shared.solana.wallets.wallets_file import Wallet
from shared.tokens.amounts import from_atoms
from shared.tokens.registry import Token
from shared.venues.onchain.reading import Snapshot
from shared.venues.protocol import InsufficientFunds, VenueRejected

# Of an account without data, in lamports: a wallet that falls below it is refused by the chain.
_WALLET_RENT = 890_880


class Swap(Struct, frozen=True, kw_only=True):
    """A route in the chain's own terms, and the tokens of both sides."""

    terms: Terms
    wallet: Wallet
    token_in: Token
    token_out: Token


def existing_accounts(swap: Swap, held: Snapshot) -> list[Pubkey]:
    """Return those of the order's token accounts that there are; `held` is of wallet and both.

    Raises `VenueRejected` for one that is not the wallet's any more, or frozen.
    """
    terms = swap.terms
    _, pays, receives = held.accounts
    found = []
    for key, account, mint in (
        (terms.pays, pays, terms.mint_in),
        (terms.receives, receives, terms.mint_out),
    ):
        if account is not None:
            if not is_of(account, terms.wallet, mint):
                raise VenueRejected(f"{key} is not the wallet's any more, or is frozen")
            found.append(key)
    return found


def check_funds(swap: Swap, held: Snapshot, fee: int) -> None:
    """Raise `InsufficientFunds` for a wallet that lacks tokens, or SOL for `fee` and deposits."""
    wallet, pays, receives = held.accounts
    terms, lamports = swap.terms, fee + _WALLET_RENT
    if terms.wraps:
        lamports += terms.temporary_lamports
    if not terms.mint_out.is_sol and receives is None:
        lamports += terms.token_account_rent
    _at_least(swap, "SOL", 9, lamports, wallet.lamports if wallet else 0)
    if not terms.mint_in.is_sol:
        token = swap.token_in
        has = balance_of(pays.data) if pays else 0
        _at_least(swap, token.symbol, token.decimals, terms.amount_in, has)


def _at_least(swap: Swap, name: str, decimals: int, needed: int, available: int) -> None:
    if available < needed:
        metrics.series(metrics.FUNDS_MISSING, swap.wallet.name, name).inc()
        has, takes = from_atoms(available, decimals), from_atoms(needed, decimals)
        raise InsufficientFunds(
            f"wallet {swap.wallet.name} has {has:f} {name}, and the swap takes {takes:f}"
        )
