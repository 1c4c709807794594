"""Jupiter's answers to `/quote` and `/build`, and what they offer. Pure.

Source: the OpenAPI description and the pages of swap/v2 in https://github.com/jup-ag/docs.
"""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from shared.hiding import line
from shared.venues.onchain.offers import Offer
from shared.venues.protocol import VenueRejected, VenueUnavailable

_EXACT_IN: Final = "ExactIn"
_BPS: Final = 10_000
_KEEP: Final = Decimal("0.01")
_U64: Final = 2**64
_DIGITS: Final = 20


class Read(Struct, frozen=True, rename="camel"):
    """What both answers tell."""

    input_mint: str
    output_mint: str
    in_amount: str
    out_amount: str
    swap_mode: str


class PlatformFee(Struct, frozen=True, rename="camel"):
    """The fee of who asks: none here."""

    fee_bps: int = 0


class Quoted(Read, frozen=True, rename="camel"):
    """An answer to `/quote`."""

    context_slot: int
    price_impact_pct: Decimal = Decimal(0)
    platform_fee: PlatformFee | None = None


class ApiAccount(Struct, frozen=True, rename="camel"):
    """An account of an instruction."""

    pubkey: str
    is_signer: bool
    is_writable: bool


class ApiInstruction(Struct, frozen=True, rename="camel"):
    """An instruction; its data are in base64."""

    program_id: str
    accounts: list[ApiAccount]
    data: str

    def read(self) -> Instruction:
        """Return it. Raises `ValueError`."""
        accounts = [
            AccountMeta(Pubkey.from_string(one.pubkey), one.is_signer, one.is_writable)
            for one in self.accounts
        ]
        data = b64decode(self.data, validate=True)
        return Instruction(Pubkey.from_string(self.program_id), data, accounts)


class Hop(Struct, frozen=True, rename="camel"):
    """The tokens of one step."""

    input_mint: str
    output_mint: str


class Step(Struct, frozen=True, rename="camel"):
    """A step of a route."""

    swap_info: Hop


class Built(Read, frozen=True, rename="camel"):
    """An answer to `/build`. Its blockhash and compute budget are left where they are."""

    swap_instruction: ApiInstruction
    route_plan: list[Step] = []
    setup_instructions: list[ApiInstruction] = []
    other_instructions: list[ApiInstruction] = []
    cleanup_instruction: ApiInstruction | None = None
    tip_instruction: ApiInstruction | None = None
    addresses_by_lookup_table_address: dict[str, msgspec.Raw] | None = None


class Asked(Struct, frozen=True):
    """The swap that was asked for."""

    mint_in: str
    mint_out: str
    amount_in: int


def offer_of(quoted: Quoted, asked: Asked, newest_slot: int, most_behind: int) -> Offer:
    """Return the offer.

    Raises `VenueUnavailable` for an answer to something else, or of old, and `VenueRejected`.
    `newest_slot` is the chain's, as our own nodes know it; another that is more than `most_behind`
    from it is of old, or of another chain.
    """
    amount_out = out_of(quoted, asked)
    if abs(newest_slot - quoted.context_slot) > most_behind:
        raise VenueUnavailable(
            f"quotes as of slot {quoted.context_slot}, and the chain is at {newest_slot}"
        )
    if quoted.platform_fee is not None and quoted.platform_fee.fee_bps:
        raise VenueUnavailable(f"takes a platform fee of {quoted.platform_fee.fee_bps} bps")
    impact = quoted.price_impact_pct
    if not impact.is_finite() or not -1 <= impact <= 1:
        raise VenueUnavailable(f"tells a price impact of {impact}")
    return Offer(
        amount_out=amount_out,
        fee_bps=Decimal(0),  # Those of the pools are inside the amount, and are not told.
        price_impact_bps=(max(impact, Decimal(0)) * _BPS).quantize(_KEEP),
    )


def out_of(read: Read, asked: Asked) -> int:
    """Return the amount out, above 0.

    Raises `VenueUnavailable` for an answer to something else, `VenueRejected` for an offer of 0.
    """
    told = Asked(read.input_mint, read.output_mint, _atoms(read.in_amount))
    if told != asked or read.swap_mode != _EXACT_IN:
        raise VenueUnavailable(
            f"answers for {read.swap_mode} of {told.amount_in} atoms of {line(told.mint_in)} into "
            f"{line(told.mint_out)}"
        )
    if not (amount_out := _atoms(read.out_amount)):
        raise VenueRejected("the amount is too small: it gives nothing")
    return amount_out


def _atoms(text: str) -> int:
    if len(text) > _DIGITS or not (text.isascii() and text.isdecimal()) or int(text) >= _U64:
        raise VenueUnavailable(f"{line(text)} is no number of atoms")
    return int(text)
