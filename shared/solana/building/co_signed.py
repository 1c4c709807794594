"""A fill that wallet and venue sign together: two transfers, and both happen or none."""

from __future__ import annotations

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import TOKEN, token_account
from shared.solana.instructions import transfer
from shared.solana.terms import Terms


def co_signed_fill(terms: Terms, venue: Pubkey, amount_out: int) -> list[Instruction]:
    """Return the two exact transfers between the wallet and a venue's key, which both sign.

    Raises `ValueError` for less than `min_out`, and for mints whose transfers may cost a fee.
    """
    if amount_out < terms.min_out:
        raise ValueError(f"amount_out is {amount_out}, and {terms.min_out} is the least")
    if {terms.mint_in.program, terms.mint_out.program} != {TOKEN}:
        raise ValueError("a co-signed fill is for mints of the token program alone")
    their_in, their_out = token_account(venue, terms.mint_in), token_account(venue, terms.mint_out)
    return [
        transfer(terms.pays, their_in, terms.wallet, terms.amount_in),
        transfer(their_out, terms.receives, venue, amount_out),
    ]
