"""Keypairs that everybody can know: those of a chain on which nothing is worth anything."""

from __future__ import annotations

from hashlib import sha256

from solders.keypair import Keypair


def _keypair(name: str) -> Keypair:
    return Keypair.from_seed(sha256(f"devchain {name}".encode()).digest())


FAUCET = _keypair("faucet")
"""May make more of any token of the market, but for SOL."""
MAKER = _keypair("maker")
"""Holds what the market is moved with."""
