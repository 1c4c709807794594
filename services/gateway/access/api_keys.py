"""API keys: how one is made, and the file that says who has which.

The file has a JSON object a line, as `slipstream keys new` prints it; lines that are empty or
begin with # are passed over. It holds hashes only, so that who reads it cannot use it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from pathlib import Path
from typing import Literal

import msgspec

from services.gateway.access.callers import Access, Caller, Role, digest_of_key
from shared.observability.metrics import API_KEYS_BROKEN
from shared.settings import GatewaySettings

logger = logging.getLogger(__name__)

POLL_S = 1.0

_PREFIX = "slip_"  # Lets scanners for leaked secrets know it.
_BYTES = 32
_HASH = re.compile(r"[0-9a-f]{64}")
_ACCOUNT = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class BadKeys(Exception):
    """The file cannot be used. The message says where and why, and never what it holds."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the file."""

    hash: str
    account: str
    role: Literal["read", "trade", "admin"]
    name: str = ""  # For people: whose, where, what for.

    def __post_init__(self) -> None:
        """Raise `ValueError` for what is no hash or no account, without its pattern."""
        if not _HASH.fullmatch(self.hash):
            raise ValueError("`hash` must be 64 digits from 0 to f")
        if not _ACCOUNT.fullmatch(self.account):
            raise ValueError("`account` must be 1 to 64 letters, digits or . _ @ -")


def new_key() -> str:
    """Return a key that nobody can guess."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def line_for(key: str, account: str, role: str, name: str) -> str:
    """Return the file's line for a key. Raises `BadKeys` for what cannot be in one."""
    line = {"hash": digest_of_key(key), "account": account, "role": role, "name": name}
    text = msgspec.json.encode(line).decode()
    parse_keys(text)
    return text


def parse_keys(text: str) -> dict[str, Caller]:
    """Return who has which key, by the digests of the keys. Raises `BadKeys`."""
    callers: dict[str, Caller] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            key = msgspec.json.decode(line, type=ApiKey)
        except msgspec.DecodeError as error:
            raise BadKeys(f"line {number}: {error}") from None
        if key.hash in callers:
            raise BadKeys(f"line {number}: the same key is there twice")
        callers[key.hash] = Caller(key.account, Role[key.role.upper()], key.hash)
    if not callers:
        raise BadKeys("it has no key; make one with `slipstream keys new`")
    return callers


def read_keys(path: Path) -> dict[str, Caller]:
    """Return who has which key. Raises `BadKeys`."""
    try:
        return parse_keys(path.read_text())
    except OSError as error:
        raise BadKeys(error.strerror or "it cannot be read") from None
    except UnicodeDecodeError:
        raise BadKeys("it is not UTF-8") from None


def access_for(settings: GatewaySettings) -> Access:
    """Return who is let in. Raises `BadKeys`."""
    if not settings.api_keys_file:
        return Access(None)
    return Access(read_keys(Path(settings.api_keys_file)))


async def keep_current(access: Access, path: Path) -> None:
    """Take up every change of the file, until cancelled. A broken file changes nothing."""
    taken = last = None
    while True:
        seen = _signature(path)
        if seen == last and seen != taken:  # Else it may be half-written still.
            taken = seen
            _take(access, path)
        last = seen
        await asyncio.sleep(POLL_S)


def _take(access: Access, path: Path) -> None:
    try:
        callers = read_keys(path)
    except BadKeys as error:
        API_KEYS_BROKEN.set(1)
        logger.error("API keys NOT reloaded, the old ones stay: %s: %s", path, error)  # noqa: TRY400 - the reason is in it
        return
    API_KEYS_BROKEN.set(0)
    if access.change(callers):
        logger.info("%d API keys are in use now", len(callers))


def _signature(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
