"""Which pages in browsers may speak to the gateway, and by which names it may be called.

A page can let its own name stand for this machine's address (DNS rebinding), and any page can send
some requests anywhere. Whoever has no key cannot do anything by that where keys are asked for.
Where none are, it is the names that tell a page from its owner.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

from starlette.datastructures import Headers

from services.gateway.http.answers import given_once
from services.gateway.http.problems import Code, Problem, printable

_REMEMBERED = 64  # Names; clients mostly use one or two.
_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::[0-9]*)?")


def names_among(listed: frozenset[str]) -> Callable[[bytes], bool]:
    """Return what tells whether a gateway may be called by what a Host header says.

    `listed` are names, `*.name` for all below one, or `*` for all there are. Addresses are always
    fine, as nobody can make one stand for another, and so is localhost.
    """
    names = {"localhost", *listed}
    below = (".localhost", *(name[1:] for name in listed if name.startswith("*.")))

    @lru_cache(_REMEMBERED)
    def may_call(host: bytes) -> bool:
        found = _HOST.fullmatch(host.decode("latin-1"))
        if found is None or "*" in listed:
            return "*" in listed
        name = (found[1] or found[2]).lower().removesuffix(".")
        return name in names or name.endswith(below) or _is_address(name)

    return may_call


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def check_host(headers: Headers, may_call: Callable[[bytes], bool]) -> None:
    """Raise `Problem` when a gateway is called by a name that is not its own.

    Programs may leave the header out; browsers never do.
    """
    for host in headers.getlist("host"):
        if not may_call(host.encode("latin-1")):
            raise Problem(
                Code.HOST_NOT_ALLOWED,
                f"ALLOWED_HOSTS does not name {printable(host)}; without keys a gateway answers to "
                "localhost, to IP addresses and to the names that are listed there",
            )


def check_origin(headers: Headers, allowed: frozenset[str]) -> None:
    """Raise `Problem` when a browser sends a request for a page that is not ours.

    Only browsers send an Origin.
    """
    origin = given_once(headers, "origin", Code.ORIGIN_NOT_ALLOWED)
    if origin is None or not allowed.isdisjoint((origin, "*")):
        return
    if origin.partition("://")[2] != headers.get("host"):
        detail = f"ALLOWED_ORIGINS does not name {printable(origin)}"
        raise Problem(Code.ORIGIN_NOT_ALLOWED, detail)
