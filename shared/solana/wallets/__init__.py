"""Wallets: a name, a public key and a signer each, and which account trades with which.

The bytes of a key live in a signer and in its file, nowhere else. Settings and venues come in.
"""
