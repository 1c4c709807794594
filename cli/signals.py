"""Ctrl-C once: end in good order. Ctrl-C again: end now."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_at_once: list[Callable[[], None]] = []  # The last of them counts.


def end_now() -> None:
    """End this process without a word."""
    os._exit(INTERRUPTED)


@contextmanager
def interruptible(at_once: Callable[[], None]) -> Iterator[None]:
    """Let the first signal to end cancel the current task, and any later one call `at_once`.

    One within another says only what the later signals do meanwhile.
    """
    _at_once.append(at_once)
    try:
        if len(_at_once) > 1:
            yield
        else:
            with _heard():
                yield
    finally:
        _at_once.pop()


@contextmanager
def _heard() -> Iterator[None]:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    told = False

    def end() -> None:
        nonlocal told
        if told or task is None:
            _at_once[-1]()
        else:
            told = True
            task.cancel()

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    if before[signal.SIGHUP] == signal.SIG_IGN:  # Somebody said `nohup`.
        del before[signal.SIGHUP]
    for number in before:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


@contextmanager
def at_a_prompt() -> Iterator[None]:
    """Let Ctrl-C end the process while it waits for a person, and hears nothing else."""
    # Not by a handler of Python's: it would wait for the answer if it came just before the read.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
