"""How other commands find the stack that runs on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from cli import locks
from cli.layout import Layout


class RunningStack(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a stack answers. `pid` is that of the command that runs it."""

    pid: int
    gateways: list[str]
    redis_url: str
    database_url: str
    health: dict[str, str]
    prometheus: str | None = None  # Only with --monitoring.


def publish(layout: Layout, stack: RunningStack) -> None:
    """Write down where the stack answers, for this user's eyes: a URL may hold a password."""
    content = msgspec.json.format(msgspec.json.encode(stack), indent=2)
    new = layout.stack.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
    new.rename(layout.stack)


def withdraw(layout: Layout) -> None:
    """Take back what `publish` wrote."""
    layout.stack.unlink(missing_ok=True)


def find(data_dir: Path) -> RunningStack | None:
    """Return the stack that runs on `data_dir`, or None."""
    layout = Layout(data_dir)
    if locks.holder(layout.lock) is None or not layout.stack.exists():
        return None
    return msgspec.json.decode(layout.stack.read_bytes(), type=RunningStack)
