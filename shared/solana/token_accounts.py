"""Token accounts as the token programs lay them out: mint, owner, amount, and more."""

from __future__ import annotations

from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.addresses import Mint

AMOUNT = slice(64, 72)
_MINT, _OWNER, _STATE = slice(0, 32), slice(32, 64), 108
_IN_USE = 1
_BYTES = 165


def is_of(account: Account, wallet: Pubkey, mint: Mint) -> bool:
    """Return whether it is the wallet's own token account of a mint, and not frozen."""
    data = account.data
    return (
        account.owner == mint.program
        and len(data) >= _BYTES
        and (data[_MINT], data[_OWNER], data[_STATE])
        == (bytes(mint.address), bytes(wallet), _IN_USE)
    )


def balance_of(data: bytes) -> int:
    """Return the atoms that a token account holds. Raises `ValueError` for one too short."""
    if len(data) < AMOUNT.stop:
        raise ValueError(f"a token account has no {len(data)} bytes")
    return int.from_bytes(data[AMOUNT], "little")
