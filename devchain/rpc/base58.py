"""Base58, in which Solana writes instructions, and old clients transactions."""

from __future__ import annotations

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}


def encode(raw: bytes) -> str:
    """Return bytes in base58. A leading zero is a one."""
    number, letters = int.from_bytes(raw), ""
    while number:
        number, digit = divmod(number, 58)
        letters = _ALPHABET[digit] + letters
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + letters


def decode(text: str) -> bytes:
    """Return the bytes. Raises `ValueError` for a letter that base58 does not have."""
    number = 0
    for letter in text:
        if letter not in _VALUES:
            raise ValueError(f"{letter!r} is no letter of base58")
        number = number * 58 + _VALUES[letter]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
