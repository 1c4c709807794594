"""The terms of a swap in atoms and addresses, and the accounts of the wallet that it touches."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256

from msgspec import Struct
from solders.pubkey import Pubkey

from shared.solana.addresses import TOKEN, TOKEN_2022, Mint, token_account

_U64 = 2**64
_SEED_CHARS = 16  # Of 32 that Solana takes: a split has no byte to spare.
_LONGEST_ID = 128  # Bytes: a transaction holds 1,232.


class Terms(Struct, frozen=True, kw_only=True, dict=True):
    """The terms of one attempt at an order's swap.

    The wallet gives exactly `amount_in` and gets `min_out` at least, both in atoms.
    `token_account_rent` is the deposit for a token account of 165 bytes, in lamports: the chain
    tells it. Raises `ValueError` for terms that no order has.
    """

    wallet: Pubkey
    mint_in: Mint
    mint_out: Mint
    amount_in: int
    min_out: int
    order_id: str
    attempt: int
    token_account_rent: int

    def __post_init__(self) -> None:
        """Raise `ValueError` for terms that no order has."""
        for name in ("amount_in", "min_out", "token_account_rent"):
            if not 0 < getattr(self, name) < _U64:
                raise ValueError(f"{name} must be an integer from 1 to 2^64 - 1")
        if self.mint_in.address == self.mint_out.address:
            raise ValueError("mint_in and mint_out must be two mints")
        for mint in (self.mint_in, self.mint_out):
            if mint.program not in ((TOKEN,) if mint.is_sol else (TOKEN, TOKEN_2022)):
                raise ValueError(f"{mint.program} is not the token program of {mint.address}")
        if not 0 < len(self.order_id.encode()) <= _LONGEST_ID:
            raise ValueError(f"order_id must be 1 to {_LONGEST_ID} bytes")

    @cached_property
    def pays(self) -> Pubkey:
        """Return the wallet's token account that `amount_in` leaves."""
        return self._account(self.mint_in)

    @cached_property
    def receives(self) -> Pubkey:
        """Return the wallet's token account that the amount out comes to."""
        return self._account(self.mint_out)

    @property
    def wraps(self) -> bool:
        """Return whether native SOL is given or taken, through the temporary account."""
        return self.mint_in.is_sol or self.mint_out.is_sol

    @cached_property
    def seed(self) -> str:
        """Return the temporary account's seed: no other attempt at any order has it."""
        return sha256(f"{self.order_id}/{self.attempt}".encode()).hexdigest()[:_SEED_CHARS]

    @cached_property
    def temporary(self) -> Pubkey:
        """Return the account of wrapped SOL that lives as long as the transaction."""
        return Pubkey.create_with_seed(self.wallet, self.seed, TOKEN)

    @property
    def temporary_lamports(self) -> int:
        """Return the lamports that the temporary account begins with."""
        return self.token_account_rent + (self.amount_in if self.mint_in.is_sol else 0)

    def _account(self, mint: Mint) -> Pubkey:
        return self.temporary if mint.is_sol else token_account(self.wallet, mint)
