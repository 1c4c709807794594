"""How the command speaks: colours on a terminal, plain text in a pipe, one line for an error."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from cli.signals import INTERRUPTED, at_a_prompt, end_now, interruptible
from shared.archive.errors import ArchiveUnusable
from shared.errors import ServerAway
from shared.settings import InvalidSettings
from shared.solana.rpc.errors import NoneIsOurs
from slipstream import SlipstreamError, Unreachable

OK, FAILED = 0, 1
EXIT_CODES = "Exit codes: 0 all is well, 1 it failed, 2 wrong usage, 130 interrupted."

_NAME = "slipstream"
_COMMAND = re.compile(r"(^ *|[`(]|: )slipstream(?= [a-z])", re.MULTILINE)

Say = Callable[[str, str], None]


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """Fall silent. A reader that went away must not keep a stack from ending well."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


out = _Screen(soft_wrap=True, highlight=False)
err = _Screen(soft_wrap=True, highlight=False, stderr=True)

_OPTIONS = {
    "HTTP_HOST": "--host",
    "HTTP_PORT": "--port",
    "REDIS_URL": "--redis-url",
    "DATABASE_URL": "--database-url",
}
_COLOURS = {"ready": "green", "ok": "green", "broken": "red", "failed": "red", "note": "yellow"}


class Trouble(Exception):
    """Something foreseeable went wrong. The message says what, and what to do about it."""


def speaker(console: Console) -> Say:
    """Return what prints status lines: what happened, in a word, then to what."""

    def say(word: str, text: str) -> None:
        console.print(f"[{_COLOURS.get(word, 'cyan')}]{word:<9}[/] {escape(as_called(text))}")

    return say


def run(work: Coroutine[Any, Any, int], *, fast: bool = False) -> None:
    """Run a command to its end and exit with what it returns, or with 130 when interrupted.

    It runs on a `fast` loop, where there is one, for what sends more than it waits.
    """
    with asyncio.Runner(loop_factory=_fast_loop() if fast else None) as runner:
        raise typer.Exit(runner.run(_interruptible(work)))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _interruptible(work: Coroutine[Any, Any, int]) -> int:
    with interruptible(end_now):
        try:
            return await work
        except asyncio.CancelledError:
            return INTERRUPTED


def confirm(question: str) -> bool:
    """Return whether a person says yes."""
    with at_a_prompt():
        return typer.confirm(question, err=True)


class Foreseen(TyperGroup):
    """Commands whose foreseeable errors are one line on standard error and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            code = _failed(str(trouble))
        except Unreachable as error:
            words = f"{error}. Start one with `slipstream up`, or give --url."
            code = _failed(words, _notes(error))
        except SlipstreamError as error:
            code = _failed(str(error), _notes(error))
        except ArchiveUnusable as error:
            code = _failed(f"Postgres cannot be used: {error}.")
        except NoneIsOurs as wrong:
            code = _failed(f"RPC_URLS, CHAIN and GENESIS_HASH do not belong together: {wrong}.")
        except ServerAway as away:
            code = _failed(f"A server does not answer ({away}); `slipstream doctor` tells which.")
        except InvalidSettings as wrong:
            code = _failed(str(wrong))
        except BrokenPipeError:
            raise
        except OSError as error:  # A disk that is full, a file that is not ours ...
            code = _failed(str(error) or type(error).__name__)
        raise typer.Exit(code)


def _failed(why: str, notes: Sequence[str] = ()) -> int:
    # Messages name settings; here are those that have an option of this command line.
    for setting, option in _OPTIONS.items():
        why = why.replace(setting, option)
    err.print(f"[red]error:[/] {escape(as_called(why))}")
    for note in notes:
        err.print(note, markup=False)
    return FAILED


def _notes(error: Exception) -> Sequence[str]:
    return getattr(error, "__notes__", ())


def program() -> str:
    """Return how this command was called, for commands that are printed to be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name in ("cli", "slipstream_engine"):
        return f"{shlex.quote(sys.executable)} -m slipstream_engine cli"
    found = shutil.which(_NAME)
    if called.name != _NAME or (found and called.exists() and called.samefile(found)):
        return _NAME
    return shlex.quote(sys.argv[0])


def as_called(text: str) -> str:
    """Return `text` with the commands in it so that they work as they stand, also off the PATH."""
    return _COMMAND.sub(lambda found: found[1] + program(), text)
