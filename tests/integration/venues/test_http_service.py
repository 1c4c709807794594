"""A venue behind HTTP: each way it can go wrong is one of the engine's kinds of bad news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from gzip import compress

import pytest
from aiohttp import web
from msgspec import Struct
from msgspec.json import Decoder

from shared.streams.log.log import Log
from shared.venues.http.answers import HeldBack, Throttled
from shared.venues.protocol import VenueRejected, VenueUnavailable, VenueUnreachable
from tests.support.servers import free_port
from tests.support.web import Asked, a_service, a_site, always

KEY = "k3y-that-nobody-may-see"


class Told(Struct):
    out: int
    by: str = ""


READ = Decoder(Told)
Respond = Callable[[], web.StreamResponse]


def said(text: str = '{"out":7}', status: int = 200, **headers: str) -> Respond:
    return lambda: web.Response(text=text, status=status, headers=headers)


async def test_an_answer_is_read_and_the_key_goes_with_the_question(log: Log) -> None:
    async with (
        a_site(always(said())) as site,
        a_service(log, f"{site.url}/base/", headers={"x-api-key": KEY}) as service,
    ):
        got = await service.get("/quote", {"amount": "1"}, READ, within_s=60)
        posted = await service.post("/build", {"a": [1]}, READ, within_s=60)

    get, post = site.asked
    assert got == posted == Told(7)
    assert (get.path, get.query, get.headers["x-api-key"]) == ("/base/quote", {"amount": "1"}, KEY)
    assert (post.method, post.json, post.headers["content-type"]) == (
        "POST",
        {"a": [1]},
        "application/json",
    )


WRONG: dict[str, tuple[Respond, type[Exception], str]] = {
    "no": (said('{"error":"no such pair"}', 400), VenueRejected, "no such pair"),
    "ill": (said("<html>", 503), VenueUnavailable, "answers 503"),
    "no key": (said("", 401), VenueUnavailable, "does not take the key"),
    "moved": (said("", 307, Location="http://127.0.0.1:1/"), VenueUnavailable, "not followed"),
    "garbage": (said("<html>"), VenueUnavailable, "something else"),
    "no UTF-8": (lambda: web.Response(body=b'{"out":7,"by":"\xff"}'), VenueUnavailable, "else"),
    "another kind": (said('{"out":"7"}'), VenueUnavailable, "something else"),
    "nothing": (said(""), VenueUnavailable, "something else"),
    "deep": (said('{"out":' + "[" * 100_000), VenueUnavailable, "something else"),
    "too much": (said(" " * 2**20 + '{"out":7}'), VenueUnavailable, "more than 1048576 bytes"),
    "packed": (
        lambda: web.Response(body=compress(b'{"out":7}'), headers={"Content-Encoding": "gzip"}),
        VenueUnavailable,
        "something else",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_bad_news_is_of_the_right_kind_and_tells_no_key(wrong: str, log: Log) -> None:
    respond, kind, why = WRONG[wrong]
    async with (
        a_site(always(respond)) as site,
        a_service(log, f"{site.url}/{KEY}", headers={"x-api-key": KEY}) as service,
    ):
        with pytest.raises(kind, match=why) as news:
            await service.get("/quote", {}, READ, within_s=60)

    assert KEY not in str(news.value)
    assert len(site.asked) == 1


async def test_a_venue_that_is_not_there_is_unreachable(log: Log) -> None:
    async with a_service(log, f"http://127.0.0.1:{free_port()}/{KEY}") as service:
        with pytest.raises(VenueUnreachable) as news:
            await service.get("/quote", {}, READ, within_s=60)

    assert KEY not in str(news.value)


async def test_half_an_answer_is_none(log: Log) -> None:
    async def half(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"out":7}')
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, a_service(log, f"http://127.0.0.1:{port}") as service:
        with pytest.raises(VenueUnavailable, match="breaks off"):
            await service.get("/quote", {}, READ, within_s=60)


async def test_a_venue_that_hangs_is_given_up_at_the_deadline(log: Log) -> None:
    async def hangs(_asked: Asked) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with a_site(hangs) as site, a_service(log, site.url) as service:
        with pytest.raises(VenueUnavailable, match="within 50 ms"):
            await service.get("/quote", {}, READ, within_s=0.05)


async def test_what_would_be_one_too_many_is_not_asked_and_builds_come_before_quotes(
    log: Log,
) -> None:
    async with a_site(always(said())) as site, a_service(log, site.url, "4/hour") as service:
        for _ in range(3):
            await service.get("/quote", {}, READ, within_s=1)
        with pytest.raises(HeldBack, match="rate limit of jupiter: 4 in 3600 s"):
            await service.get("/quote", {}, READ, within_s=1)
        await service.post("/build", {}, READ, within_s=1, urgent=True)

    assert len(site.asked) == 4


async def test_a_429_holds_back_every_replica_for_as_long_as_it_says(log: Log) -> None:
    async with (
        a_site(always(said("", 429, **{"Retry-After": "30"}))) as site,
        a_service(log, site.url) as service,
        a_service(log, site.url) as other,
    ):
        with pytest.raises(Throttled):
            await service.get("/quote", {}, READ, within_s=1)
        with pytest.raises(HeldBack, match=r"next in (30\.0|29)"):
            await other.get("/quote", {}, READ, within_s=1)
        left = await other.left()

    assert len(site.asked) == 1
    assert left.rest_ms > 20_000
