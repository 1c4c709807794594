"""The searches for keys know a key however it was written down."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.support.secrets import given_away
from tests.unit.solana.swaps import keypair

KEY = keypair("a secret key")
SEED = bytes(KEY)[: Pubkey.LENGTH]

WRITTEN = {
    "as wallets export it": str(KEY),
    "as solana-keygen writes it": KEY.to_json(),
    "numbers with spaces": str(list(bytes(KEY))),
    "a number a line": json.dumps({"key": list(bytes(KEY))}, indent=2),
    "the seed's numbers": json.dumps(list(SEED)),
    "the seed in base58": str(Pubkey(SEED)),
    "hex": bytes(KEY).hex(),
    "HEX": f"\\x{bytes(KEY).hex().upper()}",
    "the last half of the seed": SEED[16:].hex(),
    "base64": b64encode(SEED).decode(),
    "base64 of more": b64encode(b"{" + bytes(KEY) + b"}").decode(),
    "base64 of much more": urlsafe_b64encode(b"{ " + bytes(KEY) + b" }").decode(),
    "repr": repr({"key": bytes(KEY)}),
    "repr in JSON": json.dumps({"message": f"{bytes(KEY)!r}"}),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_key_is_found_in_every_spelling(how: str) -> None:
    text = f"some words {WRITTEN[how]} and more"

    assert given_away(KEY, {"a log": text.encode()})
    assert given_away(Keypair(), {"a log": text.encode()}) == []


def test_bytes_of_a_key_are_found_in_bytes() -> None:
    assert given_away(KEY, {"a file": b"\x00" + bytes(KEY) + b"\xff"})


def test_the_public_half_gives_nothing_away() -> None:
    public = bytes(KEY.pubkey())
    text = f"{KEY.pubkey()} {list(public)} {public!r} {public.hex()} {b64encode(public).decode()}"

    assert given_away(KEY, {"a log": text.encode()}) == []
