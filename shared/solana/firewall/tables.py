"""Read lookup tables as our own nodes have them: only addresses that nobody can change any more.

Layout: `LookupTableMeta` of Solana's address-lookup-table program, 56 bytes, then the addresses. A
table only grows, and its address follows from its owner and a slot, so that a closed one never
comes back with other content. The block that let it grow may still be forked away: until that is
final, none of its addresses counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.addresses import LOOKUP_TABLES
from shared.solana.firewall.allowed import Refusal, Refused
from shared.solana.firewall.message import Tables

_META: Final = Struct("<I Q Q B")  # Kind, slot of deactivation, slot and length of the last growth.
_META_BYTES: Final = 56
_IS_TABLE: Final = 1
_ACTIVE: Final = 2**64 - 1
_KEY_BYTES: Final = 32
_FINAL_AFTER: Final = 32  # Slots.


def read_tables(
    keys: Sequence[Pubkey], accounts: Sequence[Account | None], slot: int
) -> Tables | Refused:
    """Return the addresses of each table that are final, or why one cannot be used.

    `accounts` are those of `keys`, as a node had them at `slot`.
    """
    try:
        return {
            key: _addresses(key, account, slot) for key, account in zip(keys, accounts, strict=True)
        }
    except Refusal as refusal:
        return Refused(str(refusal))


def _addresses(key: Pubkey, account: Account | None, slot: int) -> list[Pubkey]:
    if account is None or account.owner != LOOKUP_TABLES or len(account.data) < _META_BYTES:
        raise Refusal(f"{key} is no lookup table")
    kind, deactivated, grown, _ = _META.unpack_from(account.data)
    listed = account.data[_META_BYTES:]
    if kind != _IS_TABLE or len(listed) % _KEY_BYTES:
        raise Refusal(f"{key} is no lookup table")
    if deactivated != _ACTIVE:
        raise Refusal(f"lookup table {key} was deactivated in slot {deactivated}")
    if grown + _FINAL_AFTER >= slot:
        # It may have grown before that as well, just as lately: only the last growth is noted.
        return []
    return [
        Pubkey.from_bytes(listed[at : at + _KEY_BYTES]) for at in range(0, len(listed), _KEY_BYTES)
    ]
