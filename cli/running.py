"""How other commands find the stack that runs on this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
import typer
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
    chain: str = "simulated"
    rpc_urls: str = ""
    wallets_file: str = ""


def publish(layout: Layout, stack: RunningStack, *, known: bool = True) -> None:
    """Write down where the stack answers, for this user's eyes: a URL may hold a password.

    One that is `known` is found from every directory.
    """
    write_private(layout.stack, msgspec.json.format(msgspec.json.encode(stack), indent=2))
    if known and (link := _link(layout)):
        with suppress(OSError):  # A home that cannot be written: --data-dir still finds it.
            link.parent.mkdir(parents=True, exist_ok=True)
            _forget_the_dead(link.parent)
            link.unlink(missing_ok=True)
            link.symlink_to(layout.root.resolve())


def withdraw(layout: Layout) -> None:
    """Take back what `publish` wrote."""
    layout.stack.unlink(missing_ok=True)
    if link := _link(layout):
        with suppress(OSError):
            link.unlink(missing_ok=True)


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


def known() -> dict[Path, RunningStack]:
    """Return this user's stacks that run, wherever their data directories lie."""
    folder, found = _folder(), {}
    for link in sorted(folder.glob("*")) if folder else ():
        with suppress(Trouble):  # It is gone meanwhile, or of another version.
            if stack := find(link):
                found[link.resolve()] = stack
    return found


def _folder() -> Path | None:
    """Return where the links to the data directories lie; None for a user without a home."""
    folder = Path(typer.get_app_dir("slipstream"), "stacks")
    return folder if folder.is_absolute() else None


def _link(layout: Layout) -> Path | None:
    folder = _folder()
    name = sha256(os.fsencode(layout.root.resolve())).hexdigest()[:16]
    return folder / name if folder else None


def _forget_the_dead(folder: Path) -> None:
    for link in set(folder.iterdir()):
        if locks.holder(Layout(link).lock) is None:
            link.unlink(missing_ok=True)
