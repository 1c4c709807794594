"""Know each instruction as a part of the order's swap, or refuse it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import (
    ASSOCIATED_TOKEN,
    COMPUTE_BUDGET,
    NAMES,
    SYSTEM,
    TOKEN,
    TOKEN_2022,
)
from shared.solana.firewall.allowed import Allowed, Refusal, SwapDecoder
from shared.solana.firewall.rehearsal import check_handed_on
from shared.solana.instructions import (
    close,
    create_seeded,
    create_token_account,
    initialize,
    memo,
)
from shared.solana.terms import Terms

SWAP = "swap"
MAY_BE_LEFT_OUT = "token account"

LIMIT, PRICE = "compute unit limit", "compute unit price"
_LIMIT, _PRICE = b"\x02", b"\x03"
_TOKEN_KINDS = {
    3: "transfer",
    4: "approve",
    5: "revoke",
    6: "set authority",
    8: "burn",
    9: "close account",
    12: "transfer checked",
    13: "approve checked",
}
_KIND_BYTES = {SYSTEM: 4, TOKEN: 1, TOKEN_2022: 1, ASSOCIATED_TOKEN: 1, COMPUTE_BUDGET: 1}
_KINDS = {
    TOKEN: _TOKEN_KINDS,
    TOKEN_2022: _TOKEN_KINDS,
    SYSTEM: {
        0: "create account",
        1: "assign",
        2: "transfer",
        3: "create account with seed",
        4: "advance nonce",
    },
}


class Part(Struct, frozen=True, kw_only=True):
    """An instruction that is part of the swap: its name, its accounts, and the atoms it moves.

    `handed_on` are the accounts that go to programs nobody here knows. `budget` is the limit or the
    price of the compute units, in its own unit.
    """

    name: str
    accounts: Collection[Pubkey] = ()
    writable: Collection[Pubkey] = ()
    amount_in: int = 0
    min_out: int = 0
    handed_on: Collection[Pubkey] = ()
    budget: int = 0

    @classmethod
    def of(cls, name: str, wanted: Instruction) -> Part:
        """Return the part that is exactly this instruction."""
        return cls(
            name=name,
            accounts=[meta.pubkey for meta in wanted.accounts],
            writable=[meta.pubkey for meta in wanted.accounts if meta.is_writable],
        )


def fixed_parts(allowed: Allowed) -> dict[str, Instruction]:
    """Return the instructions that are known to the last byte before any message is read."""
    terms = allowed.terms
    parts = {"memo": memo(terms.order_id)}
    if not terms.mint_out.is_sol:
        made = create_token_account(terms.wallet, terms.wallet, terms.mint_out)
        parts[MAY_BE_LEFT_OUT] = made
    if terms.wraps:
        wallet, account, lamports = terms.wallet, terms.temporary, terms.temporary_lamports
        sol = (terms.mint_in if terms.mint_in.is_sol else terms.mint_out).address
        parts["temporary account"] = create_seeded(wallet, account, terms.seed, lamports)
        parts["initialisation of the temporary account"] = initialize(account, sol, wallet)
        parts["close of the temporary account"] = close(account, wallet)
    return parts


def known_part(found: Instruction, allowed: Allowed, fixed: Mapping[str, Instruction]) -> Part:
    """Return the part that an instruction is. Raises `Refusal`."""
    if found.program_id == COMPUTE_BUDGET:
        return _budget(found, allowed)
    if found.program_id in allowed.venue.programs:
        return _swap(found, allowed.terms, allowed.venue)
    for name, wanted in fixed.items():
        if not _difference(found, wanted):
            return Part.of(name, wanted)
    raise Refusal(_why_not(found, fixed))


def _budget(found: Instruction, allowed: Allowed) -> Part:
    kind, value = found.data[:1], int.from_bytes(found.data[1:], "little")
    if kind == _LIMIT and len(found.data) == 1 + 4:
        name, cap = LIMIT, allowed.max_cu_limit
    elif kind == _PRICE and len(found.data) == 1 + 8:
        name, cap = PRICE, allowed.max_cu_price
    else:
        raise Refusal(_not_allowed(found))
    if found.accounts or value > cap:
        raise Refusal(f"a {name} of {value} is above {cap}, or names accounts")
    return Part(name=name, budget=value)


def _swap(found: Instruction, terms: Terms, venue: SwapDecoder) -> Part:
    try:
        call = venue.decode(found)
    except ValueError as error:
        raise Refusal(f"no swap of the venue: {error}") from None
    for what, key, wanted in (
        ("authority", call.authority, terms.wallet),
        ("paying account", call.pays, terms.pays),
        ("receiving account", call.receives, terms.receives),
    ):
        if key != wanted:
            raise Refusal(f"the {what} of the swap is {key}, not {wanted}")
    accounts = [meta.pubkey for meta in found.accounts]
    if call.opaque:
        check_handed_on(found)
    return Part(
        name=SWAP,
        accounts=accounts,
        writable=call.writable,
        amount_in=call.amount_in,
        min_out=call.min_out,
        handed_on=accounts if call.opaque else (),
    )


def _difference(found: Instruction, wanted: Instruction) -> str:
    """Return the first difference, or nothing: flags are judged for the whole message."""
    if found.program_id != wanted.program_id:
        return "another program"
    if found.data != wanted.data:
        return "its data differ"
    if len(found.accounts) != len(wanted.accounts):
        return f"it has {len(found.accounts)} accounts, not {len(wanted.accounts)}"
    for at, (one, other) in enumerate(zip(found.accounts, wanted.accounts, strict=True)):
        if one.pubkey != other.pubkey:
            return f"account {at} is {one.pubkey}, not {other.pubkey}"
    return ""


def _why_not(found: Instruction, fixed: Mapping[str, Instruction]) -> str:
    for name, wanted in fixed.items():
        if wanted.program_id == found.program_id and _kind(wanted) == _kind(found):
            return f"is not the order's {name}: {_difference(found, wanted)}"
    return _not_allowed(found)


def _not_allowed(found: Instruction) -> str:
    program = found.program_id
    if program not in NAMES:
        return f"program {program} is not allowed"
    kind = int.from_bytes(_kind(found), "little")
    said = _KINDS.get(program, {}).get(kind, f"instruction kind {kind}")
    return f"{said} of {NAMES[program]} is not allowed"


def _kind(instruction: Instruction) -> bytes:
    return instruction.data[: _KIND_BYTES.get(instruction.program_id, 0)]
