"""Solana as a client sees it: wallets, transactions, receipts, proofs, and nodes to ask.

It alone speaks Solana, and knows neither venues nor streams. Venues come in, and the commands for
wallets.
"""
