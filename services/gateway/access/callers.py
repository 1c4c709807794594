"""Who may do what: callers, the roles they have, and whose orders they see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from services.gateway.http.problems import Code, Problem

_HOW = "send the header Authorization: Bearer <key>"


class Role(IntEnum):
    """What a key is good for. Each role may do all that the ones before it may."""

    READ = auto()
    TRADE = auto()
    ADMIN = auto()  # Sees everybody's orders.


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request."""

    account: str
    role: Role

    def require(self, role: Role) -> None:
        """Raise `Problem` unless the caller has at least this role."""
        if self.role < role:
            detail = f"it takes the role {role.name.lower()}; the key has {self.role.name.lower()}"
            raise Problem(Code.FORBIDDEN, detail)

    def may_see(self, account: str) -> bool:
        """Return whether orders of `account` exist for the caller."""
        return self.role is Role.ADMIN or self.account == account


PUBLIC = Caller("public", Role.ADMIN)


def digest_of_key(key: str) -> str:
    """Return what is kept of a key.

    A plain hash is enough: a key is 256 random bits, so there is nothing to guess, and a slow
    hash would only be paid for with every request.
    """
    return hashlib.sha256(key.encode()).hexdigest()


class Access:
    """Knows callers by their keys. Without any keys everybody is the same caller."""

    def __init__(self, callers: Mapping[str, Caller] | None) -> None:
        """`callers` are found by the digests of their keys; None opens the gateway to all."""
        self.callers = callers

    @property
    def is_open(self) -> bool:
        """Return whether everybody is let in."""
        return self.callers is None

    def caller(self, headers: Headers) -> Caller:
        """Return who sent these headers. Raises `Problem` when that is nobody known."""
        if self.callers is None:
            return PUBLIC
        # Not a timing leak: it is digests that are compared, and who could choose a digest's
        # first characters could still not make the key.
        caller = self.callers.get(digest_of_key(_key_in(headers)))
        if caller is None:
            raise Problem(Code.UNAUTHENTICATED, "the key is not known")
        return caller


def _key_in(headers: Headers) -> str:
    given = headers.getlist("authorization") + headers.getlist("x-api-key")
    if not given:
        raise Problem(Code.UNAUTHENTICATED, _HOW)
    if len(given) > 1:
        raise Problem(Code.UNAUTHENTICATED, "send one key, once")
    if "authorization" not in headers:
        return given[0]
    scheme, _, key = given[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Problem(Code.UNAUTHENTICATED, _HOW)
    return key.strip()


def caller_of(connection: HTTPConnection) -> Caller:
    """Return who sent a request, as it was found out when the request came in."""
    caller: Caller = connection.scope["caller"]
    return caller
