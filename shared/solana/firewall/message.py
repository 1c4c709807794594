"""Read the bytes of a message: every account with its flags, those of lookup tables included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, from_bytes_versioned, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.transaction import SanitizeError

from shared.solana.firewall.allowed import Refusal

Tables = Mapping[Pubkey, Sequence[Pubkey]]


class Expanded(Struct, frozen=True, kw_only=True):
    """A message with its accounts in full."""

    blockhash: Hash
    keys: Sequence[Pubkey]
    signers: Sequence[Pubkey]
    writable: frozenset[Pubkey]
    instructions: Sequence[Instruction]


def expand(raw: bytes, tables: Tables) -> Expanded:
    """Return the message of these bytes; `tables` holds the addresses of each lookup table.

    Raises `Refusal` for bytes that are no message of version 0, exactly.
    """
    message = _read(raw)
    writable, readonly = _looked_up(message, tables)
    keys = [*message.account_keys, *writable, *readonly]
    if len(set(keys)) != len(keys):
        raise Refusal("names an account twice")
    signing = keys[: message.header.num_required_signatures]
    changing = _writable(message) | set(writable)
    metas = [AccountMeta(key, key in signing, key in changing) for key in keys]
    return Expanded(
        blockhash=message.recent_blockhash,
        keys=keys,
        signers=signing,
        writable=frozenset(changing),
        instructions=[
            Instruction(
                keys[one.program_id_index], bytes(one.data), [metas[at] for at in one.accounts]
            )
            for one in message.instructions
        ],
    )


def _read(raw: bytes) -> MessageV0:
    try:
        message = from_bytes_versioned(raw)
    except ValueError:
        raise Refusal("is no message of Solana") from None
    if not isinstance(message, MessageV0) or to_bytes_versioned(message) != raw:
        raise Refusal("is no message of version 0, or more than one")
    try:
        message.sanitize()  # Every index is within bounds, and the fee payer is writable.
    except SanitizeError as error:
        raise Refusal(f"is malformed: {error}") from None
    return message


def _writable(message: MessageV0) -> set[Pubkey]:
    header, keys = message.header, message.account_keys
    signers = header.num_required_signatures
    signing = keys[: signers - header.num_readonly_signed_accounts]
    others = keys[signers : len(keys) - header.num_readonly_unsigned_accounts]
    return {*signing, *others}


def _looked_up(message: MessageV0, tables: Tables) -> tuple[list[Pubkey], list[Pubkey]]:
    writable: list[Pubkey] = []
    readonly: list[Pubkey] = []
    for lookup in message.address_table_lookups:
        table = tables.get(lookup.account_key, ())
        last = max([*lookup.writable_indexes, *lookup.readonly_indexes], default=0)
        if last >= len(table):
            raise Refusal(
                f"lookup table {lookup.account_key} is unknown, or has no final address {last}"
            )
        writable += [table[at] for at in lookup.writable_indexes]
        readonly += [table[at] for at in lookup.readonly_indexes]
    return writable, readonly
