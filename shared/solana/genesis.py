"""Chains by their genesis hash, so that a wallet of one never meets another."""

from __future__ import annotations

# https://docs.anza.xyz/clusters/available: the hashes that the clusters themselves publish.
KNOWN = {
    "mainnet": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
    "devnet": "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
    "testnet": "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY",
}


def why_foreign(chain: str, pinned: str, genesis: str) -> str:
    """Return why a chain of this genesis hash is not the one called `chain`; nothing if it is.

    `pinned` is the hash that the configuration names, or nothing. Without one a development chain
    may have any but those of the public chains, which belong to nobody else with one either.
    """
    is_theirs = f"its genesis hash is {genesis}"
    public = next((name for name, known in KNOWN.items() if known == genesis), chain)
    if public != chain:  # Whatever is pinned: real money is never met by another name.
        expected = f"CHAIN={chain}" + (f" has {KNOWN[chain]}" if chain in KNOWN else "")
        return f"{is_theirs}, that of {public}, and {expected}"
    expected = pinned or KNOWN.get(chain, genesis)
    if genesis != expected:
        return f"{is_theirs}, and {'GENESIS_HASH' if pinned else f'CHAIN={chain}'} has {expected}"
    return ""
