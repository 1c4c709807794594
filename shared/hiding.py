"""Words of strangers, made fit for a line of ours: short, plain, and without our secrets."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote, urlsplit

_MOST = 200
_LEAST_SECRET = 6  # Characters: shorter parts of an address are words, such as /rpc.
_HIDDEN = "***"


def line(text: str) -> str:
    """Return text of a stranger as one short line of plain characters."""
    plain = "".join(one if one.isascii() and one.isprintable() else " " for one in text)
    return " ".join(plain.split())[:_MOST]


def secrets_of(url: str) -> list[str]:
    """Return the parts of an address that may be a key: all but scheme, host and port."""
    parts = urlsplit(url)
    userinfo = parts.netloc.rpartition("@")[0]
    found = [*userinfo.split(":"), *parts.path.split("/")]
    found += [pair.partition("=")[2] for pair in parts.query.split("&")]
    return [one for part in found for one in {part, unquote(part)}]


def hidden(text: str, secrets: Collection[str]) -> str:
    """Return text without secrets, wherever a stranger has repeated them."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            text = text.replace(secret, _HIDDEN)
    return text
