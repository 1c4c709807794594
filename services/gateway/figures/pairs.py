"""Pairs of tokens whose prices are asked for: read off a query, each with a size. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from starlette.datastructures import QueryParams

from services.gateway.http.problems import Code, FieldError, Problem
from shared.tokens.registry import Token, Tokens

MOST_PAIRS: Final = 20
# Spent for a price, so that small pools show what they are: of a dollar's worth, and of others.
_SIZE, _SIZE_OF_OTHERS = Decimal(100), Decimal(1)
_DOLLARS: Final = ("USDC", "USDT")


class Pair(NamedTuple):
    """Symbols of two tokens: a price is of one `base` in units of `quote`."""

    base: str
    quote: str

    @property
    def size(self) -> Decimal:
        """Return how much of `quote` is spent for a price."""
        return _SIZE if self.quote in _DOLLARS else _SIZE_OF_OTHERS


def pairs_in(query: QueryParams, tokens: Tokens) -> list[Pair]:
    """Return the pairs that a query names, each once. Raises `Problem`."""
    if unknown := [name for name in query if name != "pair"]:
        raise _bad(unknown[0], "is not known here")
    given = list(dict.fromkeys(query.getlist("pair")))
    if len(given) > MOST_PAIRS:
        raise _bad("pair", f"may be given {MOST_PAIRS} times at most")
    return [_pair(text, tokens) for text in given]


def _pair(text: str, tokens: Tokens) -> Pair:
    names = text.split("/")
    if len(names) != 2 or names[0] == names[1]:  # noqa: PLR2004 - a pair
        raise _bad("pair", "must be two tokens with / between, e.g. SOL/USDC")
    base, quote = (_token(name, tokens) for name in names)
    if base == quote:
        raise _bad("pair", "must be two tokens with / between, e.g. SOL/USDC")
    return Pair(base.symbol, quote.symbol)


def _token(name: str, tokens: Tokens) -> Token:
    if token := tokens.by_name.get(name):
        return token
    message = "names a token that is not listed: see /api/tokens"
    raise Problem(Code.UNKNOWN_TOKEN, errors=[FieldError("pair", message)])


def _bad(field: str, message: str) -> Problem:
    return Problem(Code.INVALID_QUERY, errors=[FieldError(field, message)])
