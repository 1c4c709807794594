"""What the forerunners' clients ask for, said in our own words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from services.gateway.http.problems import Code, FieldError, Problem
from services.gateway.orders.parsing import Repeated, judged_order
from services.gateway.orders.requests import JsonNumber, exact_number
from shared.tokens.registry import Tokens

_FULL_BPS = 10_000
# What one unit of each field is in 0.01 %: slippagePct is percent, the others are fractions.
_TOLERANCES = {"slippagePct": 100, "slippage": _FULL_BPS, "slippageTolerance": _FULL_BPS}
_OURS = "maxSlippageBps"
_THEIRS = {*_TOLERANCES, "amount", "side", "type", "userId"}
_SPOKEN = re.compile(rb'"(?:%s)"\s*:' % "|".join(sorted(_THEIRS)).encode())


def is_foreign(body: bytes) -> bool:
    """Return whether a body has a field that only a forerunner knows. Cheap."""
    return _SPOKEN.search(body) is not None


def translated(fields: dict[str, Any], tokens: Tokens) -> dict[str, Any]:
    """Return an order's fields as we name them, from those of any forerunner.

    Fields that no forerunner has are left alone. Raises `Problem` that names every wrong one.
    """
    ours = {name: value for name, value in fields.items() if name not in _THEIRS}
    if "amount" in fields:
        ours["amountIn"] = fields["amount"]
    if wrong := list(_wrong(fields)):
        raise Problem(Code.INVALID_ORDER, errors=[*wrong, *_wrong_in(ours, tokens)])
    for name in _tolerances(fields):
        ours[_OURS] = int(_bps(name, fields[name]))  # Rounded down: never looser than was asked.
    return ours


def names_of(fields: dict[str, Any]) -> dict[str, str]:
    """Return the client's own names of our fields, where they differ."""
    return {"amountIn": "amount"} if "amount" in fields else {}


def written(fields: dict[str, Any]) -> bytes:
    """Return fields as JSON, their numbers as they were written. Raises `Problem`."""
    try:
        pairs = [f"{json.dumps(name)}:{_written(value)}" for name, value in fields.items()]
    except RecursionError:  # What could just be read may be too deep to write.
        raise Problem(Code.MALFORMED_BODY, "it is nested too deeply") from None
    return f"{{{','.join(pairs)}}}".encode()


def _written(value: Any) -> str:
    return value.text if isinstance(value, JsonNumber) else json.dumps(value, default=_inside)


def _inside(value: JsonNumber | Repeated) -> object:
    # No field takes what has anything inside: it only has to stay as wrong as it is.
    return value.text if isinstance(value, JsonNumber) else {}


def _wrong_in(ours: dict[str, Any], tokens: Tokens) -> Sequence[FieldError]:
    try:
        judged_order(written(ours), tokens)
    except Problem as problem:
        return problem.errors
    return ()


def _wrong(fields: dict[str, Any]) -> Iterator[FieldError]:
    if {"amount", "amountIn"} <= fields.keys():
        yield FieldError("amount", "means the same as amountIn: send one of them")
    same = [_OURS, *_tolerances(fields)] if _OURS in fields else _tolerances(fields)
    for name in same[1:]:
        yield FieldError(name, f"means the same as {same[0]}: send one of them")
    for name in _tolerances(fields):
        try:
            _bps(name, fields[name])
        except ValueError as error:
            yield FieldError(name, str(error))
    if fields.get("side", "buy") not in ("buy", "sell"):
        yield FieldError("side", "must be buy or sell")
    if fields.get("type", "market") != "market":
        yield FieldError("type", "must be market: no other type of order is executed")
    if not isinstance(fields.get("userId", ""), str):
        yield FieldError("userId", "must be a string")


def _tolerances(fields: dict[str, Any]) -> list[str]:
    return [name for name in _TOLERANCES if name in fields]


def _bps(name: str, value: object) -> Decimal:
    bps = exact_number(value) * _TOLERANCES[name]
    if not 0 <= bps <= _FULL_BPS:
        raise ValueError(f"must be from 0 to {_FULL_BPS // _TOLERANCES[name]}")
    return bps
