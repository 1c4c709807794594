"""Sign a message: the one place where a signer is called, right behind the firewall."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from solders.message import MessageV0, from_bytes_versioned
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from shared.solana.firewall.allowed import Allowed, Refused
from shared.solana.firewall.judge import judge
from shared.solana.firewall.message import Tables
from shared.solana.firewall.rehearsal import Rehearsal
from shared.solana.wallets.signer import Signer

_MOST_BYTES = 1_232  # A packet of IPv6 at its least, less headers: Solana takes no more.
_MOST_ACCOUNTS = 64  # Locks of one transaction.
_NO_TABLES: Final[Tables] = MappingProxyType({})


class TooLarge(ValueError):
    """The transaction has more bytes or accounts than Solana takes."""


class BadSignature(Exception):
    """A signer's answer is no signature of the message by its key."""


def check_size(message: bytes) -> None:
    """Raise `TooLarge` for a message that Solana does not take once it is signed."""
    read = from_bytes_versioned(message)
    size = 1 + read.header.num_required_signatures * Signature.LENGTH + len(message)
    if size > _MOST_BYTES:
        raise TooLarge(f"the transaction has {size} bytes, and Solana takes {_MOST_BYTES}")
    accounts = len(read.account_keys) + sum(
        len(one.writable_indexes) + len(one.readonly_indexes)
        for one in (read.address_table_lookups if isinstance(read, MessageV0) else ())
    )
    if accounts > _MOST_ACCOUNTS:
        raise TooLarge(
            f"the transaction has {accounts} accounts, and Solana takes {_MOST_ACCOUNTS}"
        )


def sign(
    message: bytes,
    allowed: Allowed,
    signers: Sequence[Signer],
    tables: Tables = _NO_TABLES,
    rehearsal: Rehearsal | None = None,
) -> VersionedTransaction | Refused:
    """Return the transaction, or the firewall's refusal: then no signer has seen the message.

    `tables` holds the addresses of the message's lookup tables, as our own nodes tell them; an
    opaque swap needs a `rehearsal`. Raises `BadSignature`, `TooLarge`, and `ValueError` when a
    signer is missing.
    """
    if refused := judge(message, allowed, tables, rehearsal):
        return refused
    read = from_bytes_versioned(message)
    by_key = {signer.public_key: signer for signer in signers}
    needed = read.account_keys[: read.header.num_required_signatures]
    if missing := [key for key in needed if key not in by_key]:
        raise ValueError(f"there is no signer for {missing[0]}")
    check_size(message)
    signatures = [by_key[key].sign(message) for key in needed]
    for key, signature in zip(needed, signatures, strict=True):
        if not signature.verify(key, message):
            raise BadSignature(f"the signer of {key} did not sign the message")
    return VersionedTransaction.populate(read, signatures)
