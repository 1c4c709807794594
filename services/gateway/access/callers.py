"""Who may do what: callers, the roles they have, and whose orders they see."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Caller:
    """The sender of a request: a key as it is now, for connections outlive what keys were."""

    account: str
    role: Role
    key: str = field(default="", compare=False, repr=False)  # Its digest.
    revoked: bool = False

    def require(self, role: Role) -> None:
        """Raise `Problem` unless the caller has at least this role."""
        if self.revoked:
            raise Problem(Code.UNAUTHENTICATED, "the key was revoked")
        if self.role < role:
            detail = f"it takes the role {role.name.lower()}; the key has {self.role.name.lower()}"
            raise Problem(Code.FORBIDDEN, detail)

    def may_see(self, account: str) -> bool:
        """Return whether orders of `account` exist for the caller."""
        return not self.revoked and (self.role is Role.ADMIN or self.account == account)

    def may_become(self, now: Caller) -> bool:
        """Return whether all that the caller sees is also for the key as it is `now` to see."""
        return self.account == now.account and (
            self.role is not Role.ADMIN or now.role is self.role
        )


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
        self._callers = callers
        self.on_change: Callable[[], None] = lambda: None

    @property
    def is_open(self) -> bool:
        """Return whether everybody is let in."""
        return self._callers is None

    def caller(self, headers: Headers) -> Caller:
        """Return who sent these headers. Raises `Problem` when that is nobody known."""
        if self._callers is None:
            return PUBLIC
        return self.holder(digest_of_key(_key_in(headers)))

    def holder(self, digest: str) -> Caller:
        """Return who has the key of this digest. Raises `Problem` when it is not known."""
        # Not a timing leak: it is digests that are compared, and who could choose a digest's
        # first characters could still not make the key.
        caller = (self._callers or {}).get(digest)
        if caller is None:
            raise Problem(Code.UNAUTHENTICATED, "the key is not known")
        return caller

    def change(self, callers: Mapping[str, Caller]) -> bool:
        """Let these keys count from now on, also for who is connected; return whether they differ.

        A connected caller gets its key's new role. One that may no longer see what it saw is
        revoked, as is one whose key is gone.
        """
        before = self._callers or {}
        if callers == before:
            return False
        self._callers = {digest: _kept(before.get(digest), now) for digest, now in callers.items()}
        for digest, caller in before.items():
            caller.revoked = self._callers.get(digest) is not caller
        self.on_change()
        return True


def _kept(before: Caller | None, now: Caller) -> Caller:
    if before is None or not before.may_become(now):
        return now
    before.role = now.role
    return before


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
