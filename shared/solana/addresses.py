"""The programs that every transaction needs, and the accounts that follow from an owner."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct
from solders import compute_budget, system_program, token
from solders.pubkey import Pubkey

SYSTEM: Final = system_program.ID
COMPUTE_BUDGET: Final = compute_budget.ID
TOKEN: Final = token.ID
TOKEN_2022: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED_TOKEN: Final = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MEMO: Final = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
LOOKUP_TABLES: Final = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")

WRAPPED_SOL: Final = Pubkey.from_string("So11111111111111111111111111111111111111112")

NAMES: Final = {
    SYSTEM: "the system program",
    COMPUTE_BUDGET: "the compute budget program",
    TOKEN: "the token program",
    TOKEN_2022: "the Token-2022 program",
    ASSOCIATED_TOKEN: "the associated token program",
    MEMO: "the memo program",
}


class Mint(Struct, frozen=True):
    """A token by its mint, and the token program that the mint belongs to."""

    address: Pubkey
    program: Pubkey = TOKEN

    @property
    def is_sol(self) -> bool:
        """Return whether it stands for native SOL, which a swap wraps and unwraps."""
        return self.address == WRAPPED_SOL


SOL: Final = Mint(WRAPPED_SOL)


@lru_cache(maxsize=4_096)  # The search for an address off the curve is dear, and pairs are few.
def token_account(owner: Pubkey, mint: Mint) -> Pubkey:
    """Return the owner's associated token account of a mint."""
    seeds = [bytes(owner), bytes(mint.program), bytes(mint.address)]
    return Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN)[0]
