"""Wallets of a local stack: made, listed, looked into, and funded on a development chain."""
