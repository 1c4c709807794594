"""The description of the API, for documents and tools.

The addresses and the dialects come in here; nothing of it runs when an order comes.
"""
