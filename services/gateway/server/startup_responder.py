"""Answers on the gateway's port before there is a gateway: it lives, but takes no orders yet."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from services.gateway.http.problems import PROBLEM_JSON, RETRY_AFTER_S, Code, Problem

_LARGEST_HEAD = 16_384  # Bytes of a request line and its headers.
_PATIENCE_S = 2.0


@asynccontextmanager
async def answering_early(listener: socket.socket) -> AsyncIterator[None]:
    """Answer /health with 200 and everything else with 503, on a bound socket.

    A server that is waited for is no reason to end the one that waits, and who asks whether this
    one lives must be told. Connections that come as this ends wait for whoever listens next.
    """
    server = await asyncio.start_server(_answer, sock=listener.dup(), limit=_LARGEST_HEAD)
    try:
        yield
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(
            asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, TimeoutError
        ):
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_reply(_path(head)))
                await writer.drain()
    finally:
        writer.close()


def _path(head: bytes) -> bytes:
    _, _, rest = head.partition(b" ")
    return rest.partition(b" ")[0].partition(b"?")[0]


def _reply(path: bytes) -> bytes:
    if path == b"/health":
        return _http("200 OK", "application/json", json.dumps({"status": "ok"}).encode())
    unavailable = "503 Service Unavailable"
    if path == b"/health/ready":
        body = json.dumps({"status": "unavailable", "redis": "down"}).encode()
        return _http(unavailable, "application/json", body)
    return _http(unavailable, PROBLEM_JSON, Problem(Code.LOG_UNAVAILABLE).document())


def _http(status: str, media_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\n"
        f"content-type: {media_type}\r\n"
        f"content-length: {len(body)}\r\n"
        f"retry-after: {RETRY_AFTER_S}\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
