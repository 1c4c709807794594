"""Lists as files: every line once, exact, and never a part that looks like the whole."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio

from bench.list_orders import FILL, SPAN, START
from services.gateway.access.api_keys import line_for, new_key
from services.gateway.api import exports
from services.gateway.openapi.schemas import FillPage
from shared.archive.archive import Archive
from tests.support.archive import ENDINGS, outage
from tests.support.builders import NOON, an_intent
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.lists import LIST, keep

FILLS = "/api/fills"


@pytest_asyncio.fixture
async def gateway(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


async def file(gateway: Gateway, address: str, **query: Any) -> httpx.Response:
    answer = await gateway.http.get(address, params={**query, "format": "csv"})
    assert answer.status_code == 200, answer.text
    return answer


def lines(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.text.endswith("\r\n")
    assert "\n" not in answer.text.replace("\r\n", "")
    return list(csv.DictReader(StringIO(answer.text, newline="")))


async def filled(database_url: str, orders: int) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(FILL, {"start": START, "span": SPAN, "orders": orders})


async def test_a_file_has_the_lines_and_the_values_of_the_list(
    gateway: Gateway, archive: Archive
) -> None:
    for minute, ending in enumerate(ENDINGS):
        await keep(archive, ending, minute=minute, client_order_id=f"order-{minute}")
    listed = (await gateway.http.get(LIST)).json()["orders"]
    told = lines(await file(gateway, LIST))

    assert [list(line) for line in told] == [list(order) for order in listed]
    assert told == [{name: _text(value) for name, value in order.items()} for order in listed]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


async def test_a_file_says_what_it_is(gateway: Gateway, archive: Archive) -> None:
    answer = await file(gateway, LIST)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"].startswith('attachment; filename="orders-20')
    assert "link" not in answer.headers
    assert answer.text.startswith("orderId,clientOrderId,account,status,")
    assert lines(answer) == []


@pytest.mark.parametrize("query", [{}, {"updatedSince": "2026-01-01T00:00:00Z"}])
async def test_files_go_on_where_one_was_cut_until_every_order_is_there_once(
    gateway: Gateway, archive: Archive, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    monkeypatch.setattr(exports, "PAGE", 3)
    kept = [await keep(archive, minute=i // 3) for i in range(17)]
    answer = await file(gateway, LIST, limit=7, **query)
    sizes, seen = [], [line["orderId"] for line in lines(answer)]
    while link := answer.links.get("next"):
        sizes.append(len(lines(answer)))
        answer = await gateway.http.get(link["url"])
        seen += [line["orderId"] for line in lines(answer)]

    assert sizes == [7, 7]
    assert sorted(seen) == sorted(kept)


async def test_a_file_is_whole_without_a_link_if_it_ends_at_the_limit(
    gateway: Gateway, archive: Archive
) -> None:
    for _ in range(3):
        await keep(archive)
    answer = await file(gateway, LIST, limit=3)

    assert len(lines(answer)) == 3
    assert "link" not in answer.headers


async def test_a_file_holds_many_pages(gateway: Gateway, database_url: str) -> None:
    await filled(database_url, 3 * exports.PAGE + 1)
    told = [line["orderId"] for line in lines(await file(gateway, LIST))]

    assert len(told) == len(set(told)) == 3 * exports.PAGE + 1


async def test_amounts_are_exact_and_names_are_harmless(gateway: Gateway, archive: Archive) -> None:
    await keep(archive, intent=an_intent("0.000000001"), client_order_id="=HYPERLINK(1)")
    [line] = lines(await file(gateway, LIST))

    assert line["amountIn"] == "0.000000001"
    assert line["clientOrderId"] == "'=HYPERLINK(1)"
    assert line["vsQuoteBps"] == "-22.22"


async def test_a_file_whose_database_goes_away_does_not_end_like_a_whole_one(
    gateway: Gateway, postgres_url: str, database_url: str
) -> None:
    # More than lies in the buffers between the two.
    await filled(database_url, 40_000)
    unpacked = {"accept-encoding": "identity"}
    async with gateway.http.stream("GET", f"{LIST}?format=csv", headers=unpacked) as answer:
        chunks = answer.aiter_raw()
        assert (await anext(chunks)).startswith(b"orderId,")
        incomplete = pytest.raises(httpx.RemoteProtocolError, match="incomplete")
        with outage(postgres_url, database_url), incomplete:
            await read_on(chunks)


async def test_a_file_breaks_off_once_its_key_is_revoked(
    redis_url: str, namespace: str, database_url: str, archive: Archive, tmp_path: Path
) -> None:
    await filled(database_url, 40_000)
    key, keys = new_key(), tmp_path / "keys"
    keys.write_text(line_for(key, "ops", "admin", ""))
    settings = gateway_settings(
        redis_url, namespace, database_url=database_url, api_keys_file=str(keys)
    )
    headers = {"accept-encoding": "identity", "x-api-key": key}
    async with (
        running_gateway(settings) as gateway,
        gateway.http.stream("GET", f"{LIST}?format=csv", headers=headers) as answer,
    ):
        chunks = answer.aiter_raw()
        assert (await anext(chunks)).startswith(b"orderId,")
        gateway.parts.rules.access.change({})
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await read_on(chunks)


async def read_on(chunks: AsyncIterator[bytes]) -> None:
    async for _ in chunks:
        pass


async def test_a_reader_that_goes_away_leaves_its_place_to_others(
    gateway: Gateway, database_url: str
) -> None:
    await filled(database_url, 20_000)
    unpacked = {"accept-encoding": "identity"}
    async with gateway.http.stream("GET", f"{LIST}?format=csv", headers=unpacked) as answer:
        await anext(answer.aiter_raw())

    assert await eventually(lambda: _is_idle(gateway))


async def _is_idle(gateway: Gateway) -> bool:
    return gateway.parts.exports.open == 0


async def test_only_so_many_files_are_written_at_once(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    answer = await gateway.http.get(LIST, params={"format": "csv"})

    assert (answer.status_code, answer.json()["code"]) == (503, "TOO_MANY_EXPORTS")


async def test_without_postgres_there_is_no_file(redis_url: str, namespace: str) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        answer = await gateway.http.get(LIST, params={"format": "csv"})

    assert (answer.status_code, answer.json()["code"]) == (503, "HISTORY_UNAVAILABLE")


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("limit=201", "limit", "must be at most 200"),
        ("format=csv&limit=100001", "limit", "must be at most 100000"),
        ("format=csv&limit=0", "limit", "must be at least 1"),
        ("format=csv&total=true", "total", "goes without format=csv"),
        ("format=xml", "format", "is not valid"),
    ],
)
async def test_a_wrong_query_is_refused(
    gateway: Gateway, query: str, field: str, message: str
) -> None:
    for address in (LIST, FILLS):
        answer = await gateway.http.get(f"{address}?{query}")
        errors = [(error["field"], error["message"]) for error in answer.json()["errors"]]

        assert (answer.status_code, errors) == (400, [(field, message)])


async def fills(gateway: Gateway, **query: Any) -> FillPage:
    answer = await gateway.http.get(FILLS, params=query)
    assert answer.status_code == 200, answer.text
    return FillPage.model_validate_json(answer.content)


async def test_fills_are_the_confirmed_swaps_the_last_one_first(
    gateway: Gateway, archive: Archive
) -> None:
    kept = [await keep(archive, ending) for ending in ENDINGS]
    first = await fills(gateway, limit=1, total="true")
    rest = await fills(gateway, limit=1, cursor=first.next)
    told = lines(await file(gateway, FILLS))

    # The one that was routed anew was confirmed later.
    assert [fill.order_id for fill in (*first.fills, *rest.fills)] == [kept[2], kept[0]]
    assert (first.total and first.total.count, rest.next) == (2, None)
    assert [line["orderId"] for line in told] == [kept[2], kept[0]]
    assert Decimal(told[0]["amountOut"]) == Decimal("224.5")
    assert told[0]["vsQuoteBps"] == first.fills[0].vs_quote_bps == "-22.22"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 1),
        ({"venue": "raydium"}, 1),
        ({"venue": "meteora"}, 0),
        ({"tokenIn": "SOL", "tokenOut": "USDC"}, 1),
        ({"tokenIn": "USDC", "tokenOut": "SOL"}, 0),
        ({"from": (NOON + timedelta(milliseconds=500)).isoformat()}, 1),
        ({"from": (NOON + timedelta(milliseconds=501)).isoformat()}, 0),
        ({"to": (NOON + timedelta(milliseconds=500)).isoformat()}, 0),
        ({"to": (NOON + timedelta(milliseconds=501)).isoformat()}, 1),
    ],
)
async def test_fills_are_filtered_by_when_they_were_confirmed(
    gateway: Gateway, archive: Archive, query: dict[str, str], found: int
) -> None:
    await keep(archive, "confirmed")

    assert len((await fills(gateway, **query)).fills) == found


async def test_a_cursor_of_orders_is_none_of_fills(gateway: Gateway, archive: Archive) -> None:
    for _ in range(2):
        await keep(archive)
    cursor = (await gateway.http.get(LIST, params={"limit": 1})).json()["next"]
    answer = await gateway.http.get(FILLS, params={"cursor": cursor})

    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]
