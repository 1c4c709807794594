"""What every program has in common on the wire: how accounts begin, and where tokens are kept."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from solders.token.associated import get_associated_token_address

associated = cache(get_associated_token_address)
"""Return the token account that an owner has of a mint by default: `associated(owner, mint)`."""


def discriminator(kind: str, name: str) -> bytes:
    """Return the eight bytes that begin an account, or an instruction's data."""
    return sha256(f"{kind}:{name}".encode()).digest()[:8]
