"""Writes of one turn of the loop go out together, and none is lost."""

from __future__ import annotations

import asyncio

from services.gateway.server.write_coalescing import Corked


class Wire(asyncio.Transport):
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_what_is_written_in_one_turn_is_one_piece() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    for word in (b"head ", b"body"):
        corked.write(word)
    before = list(wire.written)
    await asyncio.sleep(0)
    corked.write(b"next")
    await asyncio.sleep(0)

    assert before == []
    assert wire.written == [b"head body", b"next"]


async def test_much_does_not_wait() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    for _ in range(3):
        corked.write(b"x" * 30_000)

    assert b"".join(wire.written) == b"x" * 90_000


async def test_closing_sends_what_waits_first() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(b"last words")
    corked.close()
    await asyncio.sleep(0)

    assert wire.written == [b"last words"]
    assert wire.closed


async def test_what_waits_when_the_connection_is_lost_is_dropped() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(b"too late")
    wire.close()
    await asyncio.sleep(0)

    assert wire.written == []
