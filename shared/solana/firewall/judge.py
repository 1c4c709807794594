"""Judge a message before it is signed."""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import Final

from solders.pubkey import Pubkey

from shared.solana.fees import network_fee
from shared.solana.firewall.allowed import Allowed, Refusal, Refused
from shared.solana.firewall.message import Expanded, Tables, expand
from shared.solana.firewall.parts import (
    LIMIT,
    MAY_BE_LEFT_OUT,
    PRICE,
    SWAP,
    Part,
    fixed_parts,
    known_part,
)
from shared.solana.firewall.rehearsal import Rehearsal, check_rehearsal

_NO_TABLES: Final[Tables] = MappingProxyType({})


def judge(
    message: bytes,
    allowed: Allowed,
    tables: Tables = _NO_TABLES,
    rehearsal: Rehearsal | None = None,
) -> Refused | None:
    """Return why these bytes must not be signed, or None if they do the allowed swap and no more.

    `tables` holds the addresses of the message's lookup tables, as our own nodes tell them. A
    message with an opaque swap needs a `rehearsal` of these very bytes, too; any other's is judged
    where there is one.
    """
    refused, parts = _read(message, allowed, tables)
    handed_on = [key for part in parts for key in part.handed_on]
    if refused is not None or not (handed_on or rehearsal):
        return refused
    try:
        check_rehearsal(message, allowed.terms, _fee(parts), handed_on, rehearsal)
    except Refusal as refusal:
        return Refused(str(refusal))
    return None


def judge_words(message: bytes, allowed: Allowed, tables: Tables = _NO_TABLES) -> Refused | None:
    """Return what can be said against a message before it is rehearsed: all but the rehearsal."""
    return _read(message, allowed, tables)[0]


def _read(
    message: bytes, allowed: Allowed, tables: Tables
) -> tuple[Refused | None, Collection[Part]]:
    at: int | None = None
    parts: dict[int, Part] = {}
    fixed = fixed_parts(allowed)
    try:
        found = expand(message, tables)
        _signers_and_blockhash(found, allowed)
        for at, instruction in enumerate(found.instructions):
            parts[at] = known_part(instruction, allowed, fixed)
            _not_twice(at, parts)
        at = None
        _whole(parts.values(), allowed, fixed)
        _accounts(found, parts.values(), allowed.terms.wallet)
    except Refusal as refusal:
        return Refused(str(refusal), at), ()
    return None, parts.values()


def _fee(parts: Collection[Part]) -> int:
    """Return what the transaction costs in lamports, by the message's own words: one signs."""
    budget = {part.name: part.budget for part in parts}
    return network_fee(1, budget[LIMIT], budget[PRICE]).total


def _signers_and_blockhash(found: Expanded, allowed: Allowed) -> None:
    wallet = allowed.terms.wallet
    if found.signers[0] != wallet:
        raise Refusal(f"the fee payer is {found.signers[0]}, not {wallet}")
    for key in found.signers:
        if key != wallet:
            raise Refusal(f"{key} would have to sign too")
    if found.blockhash != allowed.blockhash:
        raise Refusal(f"the blockhash is {found.blockhash}, not {allowed.blockhash}")


def _not_twice(at: int, parts: dict[int, Part]) -> None:
    name = parts[at].name
    if name != SWAP and any(part.name == name for i, part in parts.items() if i != at):
        raise Refusal(f"is a second {name}")


def _whole(parts: Collection[Part], allowed: Allowed, fixed: Collection[str]) -> None:
    wanted = {*fixed, SWAP, LIMIT, PRICE} - {MAY_BE_LEFT_OUT}
    if missing := wanted - {part.name for part in parts}:
        raise Refusal(f"has no {min(missing)}")
    terms = allowed.terms
    if (gives := sum(part.amount_in for part in parts)) != terms.amount_in:
        raise Refusal(f"gives {gives} atoms, not {terms.amount_in}")
    if (gets := sum(part.min_out for part in parts)) < terms.min_out:
        raise Refusal(f"gets {gets} atoms at least, and {terms.min_out} is the least")


def _accounts(found: Expanded, parts: Collection[Part], wallet: Pubkey) -> None:
    """Refuse accounts that no part needs, and flags that no part asks for."""
    used = {wallet, *(one.program_id for one in found.instructions)}
    used.update(key for part in parts for key in part.accounts)
    writable = {wallet, *(key for part in parts for key in part.writable)}
    for key in found.keys:
        if key not in used:
            raise Refusal(f"account {key} is of no use to it")
        if (key in found.writable) != (key in writable):
            raise Refusal(f"account {key} is {'' if key in found.writable else 'not '}writable")
