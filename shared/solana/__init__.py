"""Solana as a client sees it: wallets, transactions, proofs, and the nodes that are asked.

The venues on a chain come in, and the commands for wallets; it knows neither venues nor streams.
"""
