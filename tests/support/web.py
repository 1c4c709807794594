"""A venue's HTTP API that a test stands behind: a real server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import msgspec
from aiohttp import web

from shared.streams.log.log import Log
from shared.streams.redis.pace import Pace, Rate
from shared.venues.http.service import Service, new_session

Answers: TypeAlias = Callable[["Asked"], Awaitable[web.StreamResponse]]


class Asked(msgspec.Struct, frozen=True):
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Site:
    """A server. `answers` gets each request, and `asked` has them all, oldest first."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.url = ""
        self.asked: list[Asked] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        self.asked.append(asked)
        return await self.answers(asked)


def always(response: Callable[[], web.StreamResponse]) -> Answers:
    """Answer every request alike."""

    async def answers(_asked: Asked) -> web.StreamResponse:
        return response()

    return answers


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve on a free port of loopback; yield the address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    door = web.TCPSite(runner, "127.0.0.1", 0)
    await door.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_site(answers: Answers) -> AsyncIterator[Site]:
    site = Site(answers)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    async with served(app) as site.url:
        yield site


@asynccontextmanager
async def a_service(
    log: Log, url: str, rate: str = "90000/hour", headers: dict[str, str] | None = None
) -> AsyncIterator[Service]:
    async with new_session() as session:
        pace = Pace(log.client, log.keys.namespace, "jupiter", Rate.parse(rate))
        yield Service("jupiter", url, session, pace, headers)
