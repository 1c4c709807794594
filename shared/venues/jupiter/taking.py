"""Take a route out of Jupiter's answer, bounded by the order. Pure.

The firewall judges the message that is built around it. Here an answer is refused for what the
message would not show, and a route that the firewall would refuse though nobody is hostile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import (
    ASSOCIATED_TOKEN,
    SOL,
    SYSTEM,
    TOKEN_2022,
    Mint,
    token_account,
)
from shared.solana.firewall.allowed import Refusal
from shared.solana.instructions import create_token_account
from shared.solana.terms import Terms
from shared.venues.jupiter.answers import ApiInstruction, Asked, Built, Step, out_of
from shared.venues.jupiter.route import bounded, moved, promise_of
from shared.venues.protocol import BuildFailed, RouteGone, VenueUnavailable

_MOST_TABLES: Final = 16
_MAKING_ACCOUNTS: Final = 6


class Route(Struct, frozen=True, kw_only=True):
    """All that we take of an answer: instructions, accounts they write, addresses of tables."""

    instructions: Sequence[Instruction]
    written: tuple[Pubkey, ...]
    tables: tuple[Pubkey, ...]


def route_of(built: Built, terms: Terms) -> Route:
    """Return the route, so that it pays `terms.min_out` at least by the program's own argument.

    Native SOL is given and taken through the order's temporary account, in the place of the
    wallet's account of wrapped SOL. Raises `Refusal` for an answer that contradicts the order or
    itself, `RouteGone` for one that pays less than was promised, `BuildFailed` for a route that is
    not supported.
    """
    asked = Asked(str(terms.mint_in.address), str(terms.mint_out.address), terms.amount_in)
    try:
        amount_out = out_of(built, asked)
        swap = built.swap_instruction.read()
        _agree(swap, amount_out)
        before = [one.read() for one in built.setup_instructions]
        after = [one.read() for one in _behind(built)]
        tables = tuple(map(Pubkey.from_string, built.addresses_by_lookup_table_address or {}))
        _check_supported(swap, built.route_plan, terms)
    except (ValueError, VenueUnavailable) as error:
        raise Refusal(f"Jupiter's answer: {error}") from None
    if len(tables) > _MOST_TABLES:
        raise Refusal(f"Jupiter's answer: {len(tables)} lookup tables")
    if amount_out < terms.min_out:
        raise RouteGone(f"pays {amount_out} atoms now, {terms.min_out} are asked")
    ours = {token_account(terms.wallet, SOL): terms.temporary} if terms.wraps else {}
    instructions = [*_to_make(before, terms), bounded(swap, terms.min_out), *after]
    return Route(
        instructions=[moved(one, ours) for one in instructions],
        written=tuple(meta.pubkey for meta in swap.accounts if meta.is_writable),
        tables=tables,
    )


def _agree(swap: Instruction, amount_out: int) -> None:
    """Raise `ValueError` where the instruction is not the swap that the answer tells of."""
    promise = promise_of(swap)
    if promise.quoted_out != amount_out or promise.slippage_bps:
        raise ValueError(
            f"its instruction promises {promise.quoted_out} atoms less {promise.slippage_bps} bps, "
            f"and it tells of {amount_out}"
        )


def _check_supported(swap: Instruction, plan: Sequence[Step], terms: Terms) -> None:
    """Raise `BuildFailed` for a route that the firewall would refuse, though nobody is hostile."""
    keys = {meta.pubkey for meta in swap.accounts}
    if SYSTEM in keys:
        raise BuildFailed("the route goes through a program that needs the system program")
    between = {mint for step in plan for mint in msgspec.structs.astuple(step.swap_info)}
    for mint in between - {str(terms.mint_in.address), str(terms.mint_out.address)}:
        held = Mint(Pubkey.from_string(mint)), Mint(Pubkey.from_string(mint), TOKEN_2022)
        if not keys.isdisjoint(token_account(terms.wallet, one) for one in held):
            raise BuildFailed(f"the route needs the wallet's account for {mint}")


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
            raise BuildFailed(f"the route needs the wallet's account for {mint.address}")


def _made_account(one: Instruction, wallet: Pubkey) -> Mint | None:
    """Return the mint whose account an instruction makes for the wallet, or None for any other."""
    keys = [meta.pubkey for meta in one.accounts]
    if one.program_id != ASSOCIATED_TOKEN or len(keys) != _MAKING_ACCOUNTS:
        return None
    mint = Mint(keys[3], keys[5])
    wanted = create_token_account(wallet, wallet, mint)
    same = one.data == wanted.data and keys == [meta.pubkey for meta in wanted.accounts]
    return mint if same else None
