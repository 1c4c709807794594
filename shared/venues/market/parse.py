"""Read a market's script from `VENUE_MARKET`: statements with `;` or new lines between."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from shared.settings import InvalidSettings
from shared.venues.market.movements import Movement
from shared.venues.market.script import (
    EVERY_VENUE,
    Fault,
    Offset,
    Scope,
    Script,
    Trouble,
    VenueScript,
)
from shared.venues.market.words import Wrong, a_movement, a_time, an_amount

_MOST = 1_000
_SHOWN = 20
_BETWEEN = re.compile(r"[;\n]")
_Words = list[str]


@lru_cache(maxsize=64)
def parse_script(text: str, seed: str, tokens: tuple[str, ...], venues: tuple[str, ...]) -> Script:
    """Return the script that a text spells; docs/simulated-venues.md has its grammar.

    `seed` draws what walks; `tokens` are the symbols and `venues` the names that it may be about.
    Raises `InvalidSettings` naming the wrong part.
    """
    parts = [part for part in map(str.strip, _BETWEEN.split(text)) if part]
    if len(parts) > _MOST:
        raise InvalidSettings(f"VENUE_MARKET: has {len(parts)} statements; {_MOST} is the most")
    movements: dict[str, Movement] = {}
    there: dict[str, VenueScript] = {}
    for part in parts:
        try:
            subject, value = _halves(part)
            venue, dot, thing = subject.rpartition(".")
            if dot and thing in _THINGS:
                _must_be_among(venue, (EVERY_VENUE, *venues), "venue")
                there[venue] = _with(there.get(venue, VenueScript()), thing, value, tokens)
            else:
                token = _token(subject, tokens, movements)
                movements[token] = a_movement(value, f"{seed}/{token}")
        except Wrong as wrong:
            raise InvalidSettings(f"VENUE_MARKET: {part!r} {wrong}") from None
    return Script(movements=movements, venues=there)


def _halves(part: str) -> tuple[str, _Words]:
    subject, equals, value = (half.strip() for half in part.partition("="))
    if not (subject and equals and value):
        raise Wrong("is neither TOKEN=movement nor venue.property=value")
    return subject, value.split()


def _token(subject: str, tokens: Collection[str], so_far: Mapping[str, Movement]) -> str:
    if subject in so_far:
        raise Wrong(f"moves {subject} a second time")
    _must_be_among(subject, tokens, "token")
    return subject


def _must_be_among(name: str, known: Collection[str], kind: str) -> None:
    if name not in known:
        some = ", ".join(list(known)[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
        raise Wrong(f"names no {kind} in {name!r}; there are {some}")


def _with(venue: VenueScript, thing: str, value: _Words, tokens: Collection[str]) -> VenueScript:
    read = _THINGS[thing]
    if thing in _SINGLE and len(value) > 1:
        raise Wrong(f"has more than one value: {' '.join(value[1:])}")
    changes: dict[str, Any] = read(venue, value, tokens)
    return replace(venue, **changes)


def _scope(words: _Words, tokens: Collection[str]) -> Scope:
    match words:
        case []:
            return Scope()
        case [name]:
            base, slash, quote = name.partition("/")
            for token in (base, quote) if slash else (base,):
                _must_be_among(token, tokens, "token")
            if base == quote:
                raise Wrong(f"has the pair {name} of one token")
            return Scope(base, quote)
        case _:
            raise Wrong(f"has more than one token or pair: {' '.join(words)}")


def _offset(venue: VenueScript, value: _Words, tokens: Collection[str]) -> dict[str, Any]:
    scope = _scope(value[1:], tokens)
    if not scope.base:
        raise Wrong("needs a token or a pair whose price is off, e.g. 20bps SOL")
    return {"offsets": (*venue.offsets, Offset(an_amount(value[0], "bps", signed=True), scope))}


def _trouble(fault: Fault) -> Callable[[VenueScript, _Words, Collection[str]], dict[str, Any]]:
    def read(venue: VenueScript, value: _Words, tokens: Collection[str]) -> dict[str, Any]:
        factor = Decimal(1)
        if fault is Fault.BOGUS:
            factor, value = an_amount(value[0], "x"), value[1:]
        if not value:
            raise Wrong("has no time, e.g. 10s..20s, or 10s.. without an end")
        begin, dots, end = value[0].partition("..")
        if not dots:
            raise Wrong(f"has the time {value[0]}, which is not from..to, e.g. 10s..20s")
        from_ms = a_time(begin)
        to_ms: float = a_time(end) if end else float("inf")
        if to_ms <= from_ms:
            raise Wrong("ends before it begins")
        trouble = Trouble(fault, from_ms, to_ms, _scope(value[1:], tokens), factor)
        return {"troubles": (*venue.troubles, trouble)}

    return read


_THINGS: dict[str, Callable[[VenueScript, _Words, Collection[str]], dict[str, Any]]] = {
    "offset": _offset,
    "spread": lambda _venue, value, _tokens: {"spread_bps": an_amount(value[0], "bps")},
    "fee": lambda _venue, value, _tokens: {"fee_bps": an_amount(value[0], "bps")},
    "depth": lambda _venue, value, _tokens: {"depth_usd": an_amount(value[0], "usd", depth=True)},
    **{fault.value: _trouble(fault) for fault in Fault},
}
_SINGLE = ("spread", "fee", "depth")
