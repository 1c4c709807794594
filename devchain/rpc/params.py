"""The parameters of a call, read one by one. Each reader raises `RpcError` naming what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from devchain.chain.blocks import COMMITMENTS
from devchain.rpc.errors import invalid

U64 = 2**64 - 1

T = TypeVar("T")


class Params:
    """Positional parameters; the one after the last is None."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def value(self, at: int) -> Any:
        """Return a parameter, or None."""
        return self._values[at] if at < len(self._values) else None

    def text(self, at: int) -> str:
        """Return a parameter that is a string."""
        return _of_type(self.value(at), str, f"parameter {at + 1}")

    def integer(self, at: int, default: int | None = None, *, most: int = U64) -> int:
        """Return a parameter that is a whole number from 0 to `most`."""
        value = self.value(at)
        value = default if value is None else value
        return whole(value, f"parameter {at + 1}", most=most)

    def pubkey(self, at: int) -> Pubkey:
        """Return a parameter that is an address."""
        return pubkey(self.value(at))

    def blockhash(self, at: int) -> Hash:
        """Return a parameter that is a blockhash."""
        text = self.text(at)
        try:
            return Hash.from_string(text)
        except ValueError as error:
            raise invalid(f"{text!r} is no blockhash") from error

    def list(self, at: int, *, most: int) -> Sequence[Any]:
        """Return a parameter that is a list of at most so many."""
        return bounded(self.value(at), f"parameter {at + 1}", most)

    def config(self, at: int) -> Config:
        """Return the options, which may be missing."""
        value = self.value(at)
        return Config({} if value is None else _of_type(value, dict, f"parameter {at + 1}"))


class Config:
    """The object of options at the end of many calls."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def flag(self, name: str) -> bool:
        """Return an option that is off by default."""
        return _of_type(self.values.get(name) or False, bool, name)

    def integer(self, name: str, default: int, *, most: int = U64) -> int:
        """Return an option that is a whole number."""
        value = self.values.get(name)
        return whole(default if value is None else value, name, most=most)

    def choice(self, name: str, *choices: str) -> str:
        """Return an option that is one of these, the first by default."""
        value = self.values.get(name) or choices[0]
        if value not in choices:
            raise invalid(f"{name} {value!r} is none of {', '.join(choices)}")
        return str(value)

    def commitment(self, name: str = "commitment") -> str:
        """Return the commitment, `finalized` by default."""
        return self.choice(name, *COMMITMENTS)


def pubkey(value: object) -> Pubkey:
    """Return the address that a value is."""
    text = _of_type(value, str, "address")
    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise invalid(f"{text!r} is no address") from error


def signature(value: object) -> Signature:
    """Return the signature that a value is."""
    text = _of_type(value, str, "signature")
    try:
        return Signature.from_string(text)
    except ValueError as error:
        raise invalid(f"{text!r} is no signature") from error


def whole(value: object, name: str, *, most: int = U64) -> int:
    """Return the whole number from 0 to `most` that a value is."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise invalid(f"{name} is {value!r}, not a whole number from 0 to {most}")
    return value


def bounded(value: object, name: str, most: int) -> Sequence[Any]:
    """Return the list of at most so many that a value is."""
    values: list[Any] = _of_type(value, list, name)
    if len(values) > most:
        raise invalid(f"Too many inputs provided; max {most}")
    return values


def _of_type(value: object, kind: type[T], name: str) -> T:
    if not isinstance(value, kind):
        raise invalid(f"{name} is {value!r}, not of type {kind.__name__}")
    return value
