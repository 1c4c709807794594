"""Build the message of a swap: the venue's instructions, and all that has to be around them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import CompileError, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from shared.solana.instructions import (
    close,
    create_seeded,
    create_token_account,
    initialize,
    memo,
)
from shared.solana.terms import Terms


class Envelope(Struct, frozen=True, kw_only=True):
    """The chain's side of a message.

    `cu_limit` is in compute units, `cu_price` in micro-lamports a unit. `existing` holds those of
    the wallet's token accounts that exist and belong to it, `tables` the addresses of lookup tables
    that the message may use.
    """

    blockhash: Hash
    cu_limit: int
    cu_price: int
    existing: Collection[Pubkey]
    tables: Mapping[Pubkey, Sequence[Pubkey]] = {}


def swap_message(terms: Terms, venue: Sequence[Instruction], envelope: Envelope) -> bytes:
    """Return a message (version 0) that does the venue's instructions.

    These move the tokens from `terms.pays` to the venue and from the venue to `terms.receives`.
    Raises `ValueError` where they name more accounts than a message can.
    """
    instructions = [
        set_compute_unit_limit(envelope.cu_limit),
        set_compute_unit_price(envelope.cu_price),
        memo(terms.order_id),
        *_before(terms, envelope.existing),
        *venue,
    ]
    if terms.wraps:
        instructions.append(close(terms.temporary, terms.wallet))
    tables = [AddressLookupTableAccount(*table) for table in envelope.tables.items()]
    try:
        message = MessageV0.try_compile(terms.wallet, instructions, tables, envelope.blockhash)
    except CompileError as error:
        raise ValueError(f"the message cannot be made: {error}") from None
    return to_bytes_versioned(message)


def _before(terms: Terms, existing: Collection[Pubkey]) -> list[Instruction]:
    wallet, made = terms.wallet, list[Instruction]()
    if not terms.mint_out.is_sol and terms.receives not in existing:
        made.append(create_token_account(wallet, wallet, terms.mint_out))
    if terms.wraps:
        sol = (terms.mint_in if terms.mint_in.is_sol else terms.mint_out).address
        made.append(create_seeded(wallet, terms.temporary, terms.seed, terms.temporary_lamports))
        made.append(initialize(terms.temporary, sol, wallet))
    return made
