"""Chains by their genesis hash, so that a wallet of one never meets another."""

from __future__ import annotations

# https://docs.anza.xyz/clusters/available: the hashes that the clusters themselves publish.
KNOWN = {
    "mainnet": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
    "devnet": "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
    "testnet": "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY",
}


def belongs(chain: str, pinned: str, genesis: str) -> bool:
    """Return whether a chain of this genesis hash is the one called `chain`.

    `pinned` is the hash that the configuration names, or nothing. Without one a development chain
    may have any but those of the public chains, which belong to nobody else with one either.
    """
    if genesis in KNOWN.values() and genesis != KNOWN.get(chain):
        return False  # Whatever is pinned: real money is never met by another name.
    expected = pinned or KNOWN.get(chain)
    return not expected or genesis == expected
