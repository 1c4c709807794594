"""Venues that trade on a Solana chain: one chain, one set of wallets, and how a swap is signed.

The registry comes in; each venue adds its quotes and its instructions.
"""
