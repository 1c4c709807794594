"""Lists of tokens for tests, and files of them."""

from __future__ import annotations

from shared.tokens.registry import Tokens, parse_tokens

_DIGITS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def a_mint(number: int) -> str:
    """Return one of a few mints of nobody's token."""
    return "1" * 31 + _DIGITS[number]


def file_of(**decimals: int) -> str:
    """Return a file's text that has tokens with so many decimals, each worth one US dollar."""
    return "\n".join(
        f'["{symbol}"]\nname = "{symbol}"\nmint = "{a_mint(i)}"\ndecimals = {places}\n'
        "simulated_usd = 1\n"
        for i, (symbol, places) in enumerate(decimals.items())
    )


def some_tokens(**decimals: int) -> Tokens:
    """Return tokens with so many decimals."""
    return parse_tokens(file_of(**decimals))
