"""Base58, in which Solana writes instructions, and old clients transactions."""

from __future__ import annotations

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Two letters at a time, and ten to a division of the whole number, which is the dear one.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_PAIRS_AT_ONCE = 5
_AT_ONCE = len(_PAIRS) ** _PAIRS_AT_ONCE
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}


def encode(raw: bytes) -> str:
    """Return bytes in base58. A leading zero is a one."""
    number = int.from_bytes(raw)
    backwards = []
    while number:
        number, rest = divmod(number, _AT_ONCE)
        for _ in range(_PAIRS_AT_ONCE):
            rest, pair = divmod(rest, len(_PAIRS))
            backwards.append(_PAIRS[pair])
    letters = "".join(reversed(backwards)).lstrip(_ALPHABET[0])
    return _ALPHABET[0] * (len(raw) - len(raw.lstrip(b"\0"))) + letters


def decode(text: str) -> bytes:
    """Return the bytes. Raises `ValueError` for a letter that base58 does not have."""
    number = 0
    for letter in text:
        if letter not in _VALUES:
            raise ValueError(f"{letter!r} is no letter of base58")
        number = number * 58 + _VALUES[letter]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
