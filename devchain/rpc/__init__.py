"""Solana's JSON-RPC: what a request means, and how a node spells the answer.

No network: bytes come in and go out. `devchain.server` comes in by `node` and `calls`.
"""
