"""Jupiter's answers to `/quote` and `/build`, and the instructions that we take from them. Pure.

Source: the OpenAPI description and the pages of swap/v2 in https://github.com/jup-ag/docs.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import ASSOCIATED_TOKEN, SOL, SYSTEM, Mint, token_account
from shared.solana.firewall.allowed import Refusal
from shared.solana.instructions import create_token_account
from shared.solana.terms import Terms
from shared.venues.http.answers import line
from shared.venues.jupiter.route import bounded, moved, promise_of
from shared.venues.onchain.offers import Offer
from shared.venues.protocol import BuildFailed, RouteGone, VenueRejected, VenueUnavailable

_MOST_TABLES: Final = 16
_EXACT_IN: Final = "ExactIn"
_BPS: Final = 10_000
_KEEP: Final = Decimal("0.01")
_MAKING_ACCOUNTS: Final = 6
_U64: Final = 2**64
_DIGITS: Final = 20


class _Read(Struct, frozen=True, rename="camel"):
    input_mint: str
    output_mint: str
    in_amount: str
    out_amount: str
    swap_mode: str


class PlatformFee(Struct, frozen=True, rename="camel"):
    """The fee of who asks: none here."""

    fee_bps: int = 0


class Quoted(_Read, frozen=True, rename="camel"):
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


class Built(_Read, frozen=True, rename="camel"):
    """An answer to `/build`. Its blockhash and compute budget are left where they are."""

    swap_instruction: ApiInstruction
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


class Route(Struct, frozen=True, kw_only=True):
    """All that we take of an answer: instructions, accounts they write, addresses of tables."""

    instructions: Sequence[Instruction]
    written: tuple[Pubkey, ...]
    tables: tuple[Pubkey, ...]


def offer_of(quoted: Quoted, asked: Asked, newest_slot: int, most_behind: int) -> Offer:
    """Return the offer.

    Raises `VenueUnavailable` for an answer to something else, or of old, and `VenueRejected`.
    `newest_slot` is the chain's, as our own nodes know it; another that is more than `most_behind`
    from it is of old, or of another chain.
    """
    amount_out = _out_of(quoted, asked)
    if abs(newest_slot - quoted.context_slot) > most_behind:
        raise VenueUnavailable(
            f"quotes as of slot {quoted.context_slot}, and the chain is at {newest_slot}"
        )
    if quoted.platform_fee is not None and quoted.platform_fee.fee_bps:
        raise VenueUnavailable(f"takes a platform fee of {quoted.platform_fee.fee_bps} bps")
    impact = quoted.price_impact_pct
    if not impact.is_finite() or abs(impact) > 1:
        raise VenueUnavailable(f"tells a price impact of {impact}")
    return Offer(
        amount_out=amount_out,
        fee_bps=Decimal(0),  # Those of the pools are inside the amount, and are not told.
        price_impact_bps=(max(impact, Decimal(0)) * _BPS).quantize(_KEEP),
    )


def route_of(built: Built, terms: Terms) -> Route:
    """Return the route, so that it pays `terms.min_out` at least by the program's own argument.

    Native SOL is given and taken through the order's temporary account, in the place of the
    wallet's account of wrapped SOL. Raises `Refusal` for an answer that contradicts the order or
    itself, `RouteGone` for one that pays less than was promised, `BuildFailed` for a route that is
    not supported.
    """
    asked = Asked(str(terms.mint_in.address), str(terms.mint_out.address), terms.amount_in)
    try:
        amount_out = _out_of(built, asked)
        swap = built.swap_instruction.read()
        _agree(swap, amount_out)
        before = [one.read() for one in built.setup_instructions]
        after = [one.read() for one in _behind(built)]
        tables = tuple(map(Pubkey.from_string, built.addresses_by_lookup_table_address or {}))
    except (ValueError, VenueUnavailable) as error:
        raise Refusal(f"Jupiter's answer: {error}") from None
    if len(tables) > _MOST_TABLES:
        raise Refusal(f"Jupiter's answer: {len(tables)} lookup tables")
    if any(meta.pubkey == SYSTEM for meta in swap.accounts):
        # The firewall hands it to nobody whom we do not know: then another venue may do.
        raise BuildFailed("the route goes through a program that needs the system program")
    if amount_out < terms.min_out:
        raise RouteGone(f"pays {amount_out} atoms now, {terms.min_out} are asked")
    ours = {token_account(terms.wallet, SOL): terms.temporary} if terms.wraps else {}
    instructions = [*_to_make(before, terms), bounded(swap, terms.min_out), *after]
    return Route(
        instructions=[moved(one, ours) for one in instructions],
        written=tuple(meta.pubkey for meta in swap.accounts if meta.is_writable),
        tables=tables,
    )


def _out_of(read: _Read, asked: Asked) -> int:
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


def _agree(swap: Instruction, amount_out: int) -> None:
    """Raise `ValueError` where the instruction is not the swap that the answer tells of."""
    promise = promise_of(swap)
    if promise.quoted_out != amount_out or promise.slippage_bps:
        raise ValueError(
            f"its instruction promises {promise.quoted_out} atoms less {promise.slippage_bps} bps, "
            f"and it tells of {amount_out}"
        )


def _behind(built: Built) -> Iterator[ApiInstruction]:
    for one in (built.cleanup_instruction, *built.other_instructions, built.tip_instruction):
        if one is not None:
            yield one


def _to_make(before: Sequence[Instruction], terms: Terms) -> Iterator[Instruction]:
    """Yield what is to be done first, but for the order's own accounts: we make those ourselves."""
    for one in before:
        mint = _made_account(one, terms.wallet)
        if mint is None:
            yield one
        elif mint not in (terms.mint_in, terms.mint_out):
            raise BuildFailed(f"the route needs an account of the wallet's for {mint.address}")


def _made_account(one: Instruction, wallet: Pubkey) -> Mint | None:
    """Return the mint whose account an instruction makes for the wallet, or None for any other."""
    keys = [meta.pubkey for meta in one.accounts]
    if one.program_id != ASSOCIATED_TOKEN or len(keys) != _MAKING_ACCOUNTS:
        return None
    mint = Mint(keys[3], keys[5])
    wanted = create_token_account(wallet, wallet, mint)
    same = one.data == wanted.data and keys == [meta.pubkey for meta in wanted.accounts]
    return mint if same else None
