"""Take a transaction of the API apart: its swap is kept, and the rest must be what we make anew.

The firewall judges the message that is built around that swap. Here a stranger's transaction is
refused for what the new one would not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from shared.solana.addresses import ASSOCIATED_TOKEN, COMPUTE_BUDGET
from shared.solana.fees import MAX_CU_LIMIT
from shared.solana.firewall.allowed import Refused
from shared.solana.instructions import create_token_account
from shared.solana.terms import Terms
from shared.venues.protocol import FirewallRefused

_LIMIT: Final = (b"\x02", 1 + 4)
_PRICE: Final = (b"\x03", 1 + 8)
_MAKES: Final = (
    b"",
    b"\x00",
    b"\x01",
)  # An associated account, if need be only where there is none.


def kept(payload: bytes, terms: Terms, max_cu_price: int) -> list[Instruction]:
    """Return all instructions but those for compute units and for the account that receives.

    `max_cu_price` is in micro-lamports a unit. Raises `FirewallRefused`.
    """
    message = _message(payload)
    keys = list(message.account_keys)
    signers = keys[: message.header.num_required_signatures]
    if signers[:1] != [terms.wallet]:
        raise _refused(f"the fee payer is {signers[0] if signers else None}, not {terms.wallet}")
    if len(signers) > 1:
        raise _refused(f"{signers[1]} would have to sign too")
    found = [_instruction(message, keys, at) for at in range(len(message.instructions))]
    return [
        one
        for at, one in enumerate(found)
        if not (_is_of_budget(at, one, max_cu_price) or _makes_account(one, terms))
    ]


def _message(payload: bytes) -> Message | MessageV0:
    try:
        transaction = VersionedTransaction.from_bytes(payload)
    except ValueError:
        raise _refused("is no transaction of Solana") from None
    if bytes(transaction) != payload:
        raise _refused("has bytes behind its end")
    message = transaction.message
    if not isinstance(message, Message | MessageV0):
        raise _refused("is of a version that is not known")
    if isinstance(message, MessageV0) and message.address_table_lookups:
        table = message.address_table_lookups[0].account_key
        raise _refused(f"lookup table {table} is unknown: none was asked for")
    return message


def _instruction(message: Message | MessageV0, keys: Sequence[Pubkey], at: int) -> Instruction:
    compiled = message.instructions[at]
    named = [compiled.program_id_index, *bytes(compiled.accounts)]
    if max(named) >= len(keys):
        raise _refused("names accounts that it does not have", at)
    program, *accounts = named
    head = message.header
    signing = head.num_required_signatures
    # Those that only are read come last, among those that sign and among the others.
    changing = {
        *range(signing - head.num_readonly_signed_accounts),
        *range(signing, len(keys) - head.num_readonly_unsigned_accounts),
    }
    metas = [AccountMeta(keys[number], number < signing, number in changing) for number in accounts]
    return Instruction(keys[program], bytes(compiled.data), metas)


def _is_of_budget(at: int, one: Instruction, max_cu_price: int) -> bool:
    if one.program_id != COMPUTE_BUDGET:
        return False
    shape, value = (one.data[:1], len(one.data)), int.from_bytes(one.data[1:], "little")
    for name, known, cap in (
        ("compute unit limit", _LIMIT, MAX_CU_LIMIT),
        ("compute unit price", _PRICE, max_cu_price),
    ):
        if shape == known and value > cap:
            raise _refused(f"a {name} of {value} is above {cap}", at)
        if shape == known:
            return True
    raise _refused("is neither a compute unit limit nor price", at)


def _makes_account(one: Instruction, terms: Terms) -> bool:
    if one.program_id != ASSOCIATED_TOKEN or terms.mint_out.is_sol:
        return False
    wanted = create_token_account(terms.wallet, terms.wallet, terms.mint_out)
    keys = [meta.pubkey for meta in one.accounts]
    return one.data in _MAKES and keys == [meta.pubkey for meta in wanted.accounts]


def _refused(what: str, at: int | None = None) -> FirewallRefused:
    return FirewallRefused(str(Refused(f"of the API's own, {what}", at)))
