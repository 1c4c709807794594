"""URLs of nodes that a test stands behind: made up, or between us and a real one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web

from tests.support.web import served

Asked: TypeAlias = Sequence[dict[str, Any]]
Behave: TypeAlias = Callable[[Asked], Awaitable[web.Response]]


class Stub:
    """A URL. `behave` gets the calls of each request, and `counts` has their methods."""

    def __init__(self, behave: Behave) -> None:
        self.behave = behave
        self.url = ""
        self.counts: Counter[str] = Counter()
        self.requests = 0

    async def answer(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        self.requests += 1
        self.counts.update(call["method"] for call in asked)
        return await self.behave(asked)


@asynccontextmanager
async def stubbed(behave: Behave) -> AsyncIterator[Stub]:
    stub = Stub(behave)
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/{key:.*}", stub.answer)
    async with served(app) as stub.url:
        yield stub


def replies(asked: Asked, results: Callable[[dict[str, Any]], Any]) -> web.Response:
    """Return an answer with a result of each call."""
    return web.json_response(
        [{"jsonrpc": "2.0", "id": call["id"], "result": results(call)} for call in asked]
    )


Change: TypeAlias = Callable[[str, Any], Any]


@asynccontextmanager
async def between(url: str, change: Change = lambda _method, result: result) -> AsyncIterator[Stub]:
    """Stand before a node: `change` each result on its way back."""
    async with aiohttp.ClientSession() as session:

        async def pass_on(asked: Asked) -> web.Response:
            async with session.post(url, json=asked) as answer:
                if answer.status != web.HTTPOk.status_code:
                    return web.Response(status=answer.status, body=await answer.read())
                said = await answer.json()
            methods = {call["id"]: call["method"] for call in asked}
            for one in said:
                if "result" in one:
                    one["result"] = change(methods[one["id"]], one["result"])
            return web.json_response(said)

        async with stubbed(pass_on) as stub:
            yield stub
