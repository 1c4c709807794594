"""Turns: one system is measured while the other stands still, and then the other way round."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from bench.system import System

S = TypeVar("S", bound=System)


@asynccontextmanager
async def turn(system: System, systems: Sequence[System], policy: str) -> AsyncIterator[System]:
    """Freeze all others while `system` is measured, with its Redis's log synced by `policy`."""
    for other in systems:
        if other is not system:
            other.freeze()
    system.reset()
    system.thaw()
    system.servers.sync(policy)
    try:
        yield system
    finally:
        for other in systems:
            other.thaw()


def taking_turns(systems: Sequence[S], pair: int) -> Sequence[S]:
    """Return the systems in the order of this pair: the second of a pair has it some 5 % easier."""
    return systems if pair % 2 == 0 else systems[::-1]
