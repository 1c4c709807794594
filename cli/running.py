"""How other commands find the stack that runs on this machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from cli import locks
from cli.console import Trouble
from cli.layout import Layout
from cli.private import write_private


class RunningStack(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a stack answers. `pid` is that of the command that runs it.

    The URL of an embedded Valkey has its password in it.
    """

    pid: int
    gateways: list[str]
    redis_url: str
    database_url: str
    health: dict[str, str]
    prometheus: str | None = None  # Only with --monitoring.


def publish(layout: Layout, stack: RunningStack) -> None:
    """Write down where the stack answers, for this user's eyes: a URL may hold a password."""
    write_private(layout.stack, msgspec.json.format(msgspec.json.encode(stack), indent=2))


def withdraw(layout: Layout) -> None:
    """Take back what `publish` wrote."""
    layout.stack.unlink(missing_ok=True)


def find(data_dir: Path) -> RunningStack | None:
    """Return the stack that runs on `data_dir`, or None.

    Raises `Trouble` for a directory that is not this user's.
    """
    layout = Layout(data_dir)
    try:
        if locks.holder(layout.lock) is None or not layout.stack.exists():
            return None
        return msgspec.json.decode(layout.stack.read_bytes(), type=RunningStack)
    except OSError as error:
        raise Trouble(f"{data_dir} cannot be read ({error.strerror}): is it yours?") from error
    except msgspec.DecodeError as error:
        raise Trouble(f"{layout.stack} was written by another version: {error}") from error
