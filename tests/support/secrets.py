"""A key in every spelling in which somebody might write it down, and where one of them is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping

from solders.keypair import Keypair
from solders.pubkey import Pubkey

_PART = 16  # Bytes: half a key is too much, and no text has so many by chance.


def spellings(key: Keypair) -> Mapping[str, bytes]:
    """Return what gives a key away, by name.

    Base58 is known by the whole, all other spellings also by a part; gaps are for those who search.
    """
    seed = bytes(key)[: Pubkey.LENGTH]
    whole = {"base58": str(key), "base58 of the seed": str(Pubkey(seed))}
    parts = (seed[:_PART], seed[_PART:])
    in_parts = {f"{name} {at}": text for at in (0, 1) for name, text in _of_part(parts[at])}
    return {name: text.encode("latin-1") for name, text in (whole | in_parts).items()}


def _of_part(part: bytes) -> Iterator[tuple[str, str]]:
    yield "bytes", part.decode("latin-1")
    yield "hex", part.hex()
    yield "HEX", part.hex().upper()
    yield "numbers", ",".join(str(number) for number in part)
    yield "repr", repr(part)[2:-1]
    yield "repr in JSON", repr(part)[2:-1].replace("\\", "\\\\")
    for before in range(3):  # Three bytes are four letters, so that it matters where it begins.
        shifted = b64encode(bytes(before) + part + bytes(-(before + _PART) % 3))
        text = shifted[4 if before else 0 : -4].decode()
        yield f"base64, {before} in", text
        yield f"base64url, {before} in", text.replace("+", "-").replace("/", "_")


def given_away(key: Keypair, written: Mapping[str, bytes]) -> list[str]:
    """Return where a key is written, and how, in all that was written somewhere."""
    return [
        f"{where}: {name}"
        for where, content in written.items()
        for name, spelling in spellings(key).items()
        if spelling in content
        or (name.startswith("numbers") and spelling in b"".join(content.split()))
    ]
