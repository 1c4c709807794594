"""How much a client may take of a gateway before anybody has asked for its key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from services.gateway import __main__ as main
from services.gateway.__main__ import Door, serving
from services.gateway.http.problems import Code
from services.gateway.server.bounded_http import BoundedProtocol
from shared.process.listening import bind
from tests.support.eventually import eventually
from tests.support.gateway import gateway_settings

_HEAD = b"POST /x HTTP/1.1\r\nHost: here\r\n"


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body, once it is whole, and with the names of the headers."""
    with suppress(ClientDisconnect):
        request = Request(scope, receive)
        body = await request.body()
        names = ",".join(request.headers.keys())
        await PlainTextResponse(names + "|" + body.decode())(scope, receive, send)


@asynccontextmanager
async def a_door(**bounds: Any) -> AsyncIterator[Door]:
    settings = gateway_settings("redis://nowhere", "unused", **bounds)
    with bind("127.0.0.1", 0) as listener:
        async with serving(listener, settings) as door:
            door.starting.app = _echo
            yield door


class Line:
    """A raw connection to a door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def said(self, *sent: bytes) -> bytes:
        """Send, and return all that comes until the other side closes."""
        with suppress(ConnectionError):
            for part in sent:
                self.writer.write(part)
                await self.writer.drain()
        return await self.reader.read()


@asynccontextmanager
async def a_line(door: Door) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.address[1])
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def refusal(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    return int(head.split(b" ", 2)[1]), json.loads(body)["code"]


async def test_a_head_without_end_is_refused_before_it_is_kept() -> None:
    async with a_door(max_head_bytes=4_096) as door, a_line(door) as line:
        answer = await line.said(_HEAD, *(b"x-%d: y\r\n" % i for i in range(2_000)))

    assert refusal(answer) == (431, "HEAD_TOO_LARGE")


async def test_a_single_header_without_end_is_refused() -> None:
    async with a_door(max_head_bytes=4_096) as door, a_line(door) as line:
        answer = await line.said(_HEAD + b"x: ", b"y" * 1_000_000)

    assert refusal(answer) == (431, "HEAD_TOO_LARGE")


async def test_a_head_of_just_the_bound_is_served() -> None:
    async with a_door(max_head_bytes=4_096) as door, a_line(door) as line:
        rest = b"connection: close\r\ncontent-length: 4\r\nx: "
        fill = 4_096 - len(_HEAD + rest) - 4
        answer = await line.said(_HEAD + rest + b"y" * (fill - 1) + b"\r\n\r\nbody")

    assert answer.endswith(b"|body")


async def test_a_body_is_no_part_of_the_head() -> None:
    body = b"z" * 60_000
    async with a_door(max_head_bytes=1_024) as door, a_line(door) as line:
        head = _HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        answer = await line.said(head + body)

    assert answer.endswith(b"|" + body)


async def test_trailers_reach_nobody_and_are_bounded_too() -> None:
    head = _HEAD + b"transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n"
    async with a_door(max_head_bytes=4_096) as door:
        async with a_line(door) as line:
            served = await line.said(
                head + b"x-api-key: late\r\n\r\n", b"GET / HTTP/1.0\r\nhost: here\r\n\r\n"
            )
        async with a_line(door) as line:
            refused = await line.said(head + b"x: ", b"y" * 1_000_000)

    assert b"host,transfer-encoding|body" in served
    assert refusal(refused) == (431, "HEAD_TOO_LARGE")


@pytest.mark.parametrize("first", [b"GET", _HEAD, _HEAD + b"content-length: 0\r\n\r\nGET /"])
async def test_a_head_that_does_not_end_in_time_is_given_up(first: bytes) -> None:
    async with a_door(head_deadline_ms=100) as door, a_line(door) as line:
        answer = await line.said(first)

    _, _, last = answer.rpartition(b"HTTP/1.1 ")
    assert refusal(b"HTTP/1.1 " + last) == (408, "HEAD_TIMEOUT")


async def test_a_link_over_which_nothing_comes_is_closed_without_a_word() -> None:
    async with a_door(head_deadline_ms=100) as door, a_line(door) as line:
        assert await line.said() == b""


async def test_one_address_has_so_many_connections_sockets_among_them() -> None:
    async with a_door(max_connections_per_address=2) as door:
        async with a_line(door) as one, a_line(door) as two, a_line(door) as three:
            assert refusal(await three.said()) == (429, "TOO_MANY_CONNECTIONS")
            del one, two
        # Those that left made room again.
        await eventually(lambda: _is_served(door))


async def _is_served(door: Door) -> bool:
    async with a_line(door) as line:
        return b"200 OK" in await line.said(b"GET / HTTP/1.0\r\n\r\n")


async def test_a_socket_counts_as_a_connection_until_it_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def greet(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    async with a_door(max_connections_per_address=1) as door:
        door.starting.app = greet
        async with (
            connect(f"ws://127.0.0.1:{door.address[1]}/", proxy=None),
            a_line(door) as line,
        ):
            assert refusal(await line.said()) == (429, "TOO_MANY_CONNECTIONS")
        door.starting.app = _echo
        await eventually(lambda: _is_served(door))


async def test_when_files_run_short_a_client_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "_files", lambda: main._OWN_FILES + 1)
    async with a_door() as door, a_line(door), AsyncExitStack() as stack:
        others = [await stack.enter_async_context(a_line(door)) for _ in range(100)]
        answers = [await other.said() for other in others]

    assert {refusal(answer) for answer in answers} == {(503, "TOO_MANY_SOCKETS")}
    assert b"retry-after: 1" in answers[0]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "AMBIGUOUS_HOST"),
        (b"GET / HTTP/1.1\r\n\r\n", "AMBIGUOUS_HOST"),
        (b"\0" * 200, "MALFORMED_REQUEST"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "MALFORMED_REQUEST"),
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_refused(
    request_: bytes, code: str
) -> None:
    async with a_door() as door, a_line(door) as line:
        assert refusal(await line.said(request_)) == (400, code)


async def test_rubbish_behind_an_order_does_not_take_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_answer = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await may_answer.wait()
        await PlainTextResponse("accepted")(scope, receive, send)

    refuse = BoundedProtocol._refuse

    def refuse_and_tell(self: BoundedProtocol, code: Code) -> None:
        refuse(self, code)
        may_answer.set()

    monkeypatch.setattr(BoundedProtocol, "_refuse", refuse_and_tell)
    async with a_door() as door, a_line(door) as line:
        door.starting.app = slow
        answer = await line.said(_HEAD + b"content-length: 0\r\n\r\n\0rubbish\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"accepted")
    assert b"connection: close" in answer


_UPGRADE = (
    b"GET /x HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\n"
)


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        (b"x-long: " + b"y" * 9_000 + b"\r\n", (431, "HEAD_TOO_LARGE")),
        (b"".join(b"x-%d: y\r\n" % i for i in range(150)), (431, "HEAD_TOO_LARGE")),
        (b"Content-Length: 3\r\n", (400, "MALFORMED_REQUEST")),
        (b"Transfer-Encoding: chunked\r\n", (400, "MALFORMED_REQUEST")),
    ],
    ids=["a long line", "many headers", "a body", "chunks"],
)
async def test_a_socket_that_cannot_be_opened_is_told_so_and_let_go(
    more: bytes, refused: tuple[int, str]
) -> None:
    async with a_door(max_head_bytes=16_384) as door, a_line(door) as line:
        answer = await line.said(_UPGRADE + more + b"\r\n")

    assert refusal(answer) == refused
