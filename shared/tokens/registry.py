"""Every token by its names, from a file that is read once."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

SYMBOL = r"^[A-Za-z0-9._:$-]{1,64}$"
MAX_DECIMALS = 18

_SHIPPED = Path(__file__).with_name("tokens.toml")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LONGEST_MINT = 44  # Digits of 32 bytes in base 58.
_GUESSES = 3
_SAID = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "model_type": "must be a table: [SYMBOL], and its fields below",
}


class BadTokens(ValueError):
    """One line for every fault of a file of tokens."""


def _symbol(text: str) -> str:
    if not re.fullmatch(SYMBOL, text):
        raise ValueError("must be 1 to 64 of A-Z, a-z, 0-9 and . _ : $ -")
    return text


def _mint(text: str) -> str:
    if len(text) > _LONGEST_MINT or not set(text) <= set(_BASE58) or _length(text) != 32:  # noqa: PLR2004 - as Solana's addresses
        raise ValueError("must be an address of Solana: 32 bytes in base58")
    return text


def _length(base58: str) -> int:
    """Return how many bytes it stands for."""
    number = 0
    for digit in base58:
        number = number * len(_BASE58) + _BASE58.index(digit)
    zeros = len(base58) - len(base58.lstrip(_BASE58[0]))
    return zeros + (number.bit_length() + 7) // 8


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=64)
    mint: Annotated[str, AfterValidator(_mint)]
    decimals: int = Field(ge=0, le=MAX_DECIMALS)
    # Within these bounds no offer has more digits than its arithmetic.
    simulated_usd: Decimal | None = Field(
        default=None, strict=False, ge=Decimal("1e-9"), le=Decimal("1e9")
    )


class Token(_Entry):
    """A token: orders name it by its `symbol`, or by its `mint`, the address on the chain.

    Amounts of it have `decimals` decimals at most. The simulated venues trade it around
    `simulated_usd` US dollars, and not at all without.
    """

    symbol: str


_entries = TypeAdapter(dict[Annotated[str, AfterValidator(_symbol)], _Entry])


class Tokens:
    """The tokens there are. `by_name` has each under its symbol and its mint."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self.all = tuple(tokens)
        self.by_name = {name: token for token in self.all for name in (token.symbol, token.mint)}
        self._longest = max((len(token.symbol) for token in self.all), default=0)
        self._alike: dict[str, list[str]] = defaultdict(list)
        for token in self.all:
            for key in _nearly(token.symbol):
                self._alike[key].append(token.symbol)

    def symbol_of(self, name: str) -> str:
        """Return the symbol of the token of this name, or the name if there is none."""
        token = self.by_name.get(name)
        return token.symbol if token else name

    def closest(self, name: str) -> list[str]:
        """Return the few symbols that differ from `name` by case and a letter or two, if any."""
        if len(name) > self._longest + 1:  # A mint, for one: it is not looked at letter by letter.
            return []
        found = {symbol for key in _nearly(name) for symbol in self._alike.get(key, ())}
        return sorted(found, key=lambda symbol: (symbol.lower() != name.lower(), symbol))[:_GUESSES]


def _nearly(name: str) -> set[str]:
    # Two names share one of these when a letter was added, left out, changed or swapped with its
    # neighbour. To look them up takes as long for ten thousand tokens as for ten.
    name = name.lower()
    return {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}


@cache
def load_tokens(path: str) -> Tokens:
    """Return the tokens of a file, or those that ship with Slipstream when `path` is empty.

    A file is read once. Raises `BadTokens`.
    """
    try:
        text = (Path(path) if path else _SHIPPED).read_text("utf-8")
    except OSError as error:
        raise BadTokens(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadTokens(f"{path} is not UTF-8") from error
    return parse_tokens(text)


def parse_tokens(text: str) -> Tokens:
    """Return the tokens of a file's text. Raises `BadTokens`."""
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
        entries = _entries.validate_python(tables)
    except ValidationError as error:
        raise BadTokens("\n".join(_lines(error))) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadTokens(f"is not TOML: {error}") from None
    tokens = [Token(symbol=symbol, **entry.model_dump()) for symbol, entry in entries.items()]
    if faults := list(_doubles(tokens)):
        raise BadTokens("\n".join(faults))
    return Tokens(tokens)


def _lines(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        at = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        yield f"{at}: {_SAID.get(fault['type'], fault['msg'].removeprefix('Value error, '))}"


def _doubles(tokens: list[Token]) -> Iterator[str]:
    if not tokens:
        yield "names no token"
    names = {token.symbol: token.symbol for token in tokens}
    for token in tokens:
        if other := names.get(token.mint):
            yield f"{token.symbol}.mint: is {other}'s too"
        names[token.mint] = token.symbol
