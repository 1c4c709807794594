"""Lists of orders: every order once, newest first, whatever comes in meanwhile."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from starlette.datastructures import QueryParams

from services.gateway.access.callers import Caller, Role
from services.gateway.api import listing
from services.gateway.orders.list_requests import ListQuery
from services.gateway.orders.paging import read_page_query
from shared.archive.archive import Archive
from shared.archive.fold import Recorded
from shared.archive.lists.orders import orders_page
from shared.orders.codec import encode
from shared.tokens.registry import load_tokens
from tests.support.archive import ENDINGS
from tests.support.builders import history
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.lists import LIST, ids, keep, page

SOL_MINT = "So11111111111111111111111111111111111111112"


@pytest_asyncio.fixture
async def gateway(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


def cursor(time: str, more: str = "") -> str:
    """Return what would follow an order that was submitted then, with `more` behind its id."""
    place = f'["{time}","019b796d-d600-7c10-9e4f-1a2b3c4d5e10{more}"]'
    return base64.urlsafe_b64encode(place.encode()).decode()


async def test_pages_bring_every_order_once_while_others_come_in(
    gateway: Gateway, archive: Archive
) -> None:
    # Three at a time were submitted at the very same moment.
    old = [await keep(archive, minute=i // 3) for i in range(20)]
    seen, cursor = [], None
    while True:
        found = await page(gateway, limit=3, **({"cursor": cursor} if cursor else {}))
        seen += found.orders
        await keep(archive, minute=60)
        if (cursor := found.next) is None:
            break

    assert sorted(ids(seen)) == sorted(old)
    assert [order.submitted_at for order in seen] == sorted(
        (order.submitted_at for order in seen), reverse=True
    )


async def test_a_listed_order_says_what_the_order_itself_says(
    gateway: Gateway, archive: Archive
) -> None:
    order_id = await keep(archive, "confirmed", client_order_id="mine-1")
    [listed] = (await gateway.http.get(LIST)).json()["orders"]
    shown = (await gateway.http.get(f"{LIST}/{order_id}")).json()
    same = set(listed) & set(shown)

    assert set(listed) - same == {"failureReason"}
    assert {name: listed[name] for name in same} == {name: shown[name] for name in same}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"status": "confirmed"}, [0, 2]),
        ({"status": "failed"}, [1]),
        ({"status": "submitted"}, [3, 4]),
        ({"status": "pending"}, []),
        ({"venue": "raydium"}, [0, 2, 3, 4]),
        ({"venue": "meteora"}, []),
        ({"tokenIn": "SOL", "tokenOut": "USDC"}, [0, 1, 2, 3, 4]),
        ({"tokenIn": SOL_MINT, "tokenOut": "USDC"}, [0, 1, 2, 3, 4]),
        ({"tokenIn": "USDC", "tokenOut": "SOL"}, []),
        ({"tokenIn": "FOO", "tokenOut": "USDC"}, []),
        ({"clientOrderId": "order-2"}, [2]),
        ({"from": "2026-01-01T12:01:00Z"}, [1, 2, 3, 4]),
        ({"to": "2026-01-01T14:01:00+02:00"}, [0]),
        ({"from": "2026-01-01T12:01:00Z", "to": "2026-01-01T12:03:00Z"}, [1, 2]),
        ({"status": "confirmed", "venue": "raydium", "from": "2026-01-01T12:01:00Z"}, [2]),
        ({"status": ["failed", "confirmed"]}, [0, 1, 2]),
        ({"status": "failed,submitted"}, [1, 3, 4]),
        ({"status": ["confirmed", "submitted,pending"], "venue": "raydium"}, [0, 2, 3, 4]),
        ({"status": "confirmed,failed,cancelled,expired"}, [0, 1, 2]),
        ({"status": "pending,routing,building,submitted"}, [3, 4]),
        ({"unresolved": "true"}, [3]),
        ({"unresolved": "true", "status": "confirmed"}, []),
        ({"contradicted": "true"}, []),
        ({"find": "order-2"}, [2]),
        ({"find": "order-"}, []),
        ({"find": "%%%"}, []),
        ({"find": "sig-01"}, [0, 2, 3, 4]),
        ({"find": "sig-01", "status": "confirmed", "to": "2026-01-01T12:02:00Z"}, [0]),
        ({"signature": "sig-01"}, []),
    ],
)
async def test_a_filter_leaves_what_it_names(
    gateway: Gateway, archive: Archive, query: dict[str, Any], expected: list[int]
) -> None:
    kept = [
        await keep(archive, ending, minute=i, client_order_id=f"order-{i}")
        for i, ending in enumerate(ENDINGS)
    ]
    found = await page(gateway, **query)

    assert ids(found.orders) == [kept[i] for i in reversed(expected)]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({}, (4, False)),
        ({"venue": "raydium"}, (4, True)),
        ({"status": "confirmed"}, (2, True)),
    ],
)
async def test_a_total_counts_all_pages_as_far_as_its_bound(
    gateway: Gateway,
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    query: dict[str, str],
    total: tuple[int, bool],
) -> None:
    monkeypatch.setattr(listing, "COUNTED", 4)
    for minute, ending in enumerate(ENDINGS):
        await keep(archive, ending, minute=minute)
    found = await page(gateway, limit=1, total="true", **query)

    assert found.total is not None
    assert (found.total.count, found.total.exact) == total


async def test_nothing_is_counted_unasked(gateway: Gateway, archive: Archive) -> None:
    await keep(archive)

    assert "total" not in (await gateway.http.get(LIST)).json()


async def test_any_year_there_is_can_be_asked_for(gateway: Gateway, archive: Archive) -> None:
    order_id = await keep(archive)
    span = {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999999Z"}

    for place in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
        found = await page(gateway, cursor=cursor(place), **span)
        assert ids(found.orders) == ([order_id] if place > "2026" else [])


async def test_a_caller_lists_only_its_own_orders(archive: Archive) -> None:
    mine = await keep(archive, account="mine")
    await keep(archive, account="theirs")
    nothing = QueryParams("")

    async def listed(caller: Caller) -> list[str]:
        wanted = read_page_query(ListQuery, nothing).filter_for(caller, load_tokens(""))
        found = await archive.page(orders_page(wanted, None, 10))
        return [order.order_id for order in found]

    assert await listed(Caller("mine", Role.READ)) == [mine]
    assert await listed(Caller("nobody", Role.TRADE)) == []
    assert len(await listed(Caller("nobody", Role.ADMIN))) == 2


async def test_an_order_whose_beginning_is_not_kept_yet_is_not_listed(
    gateway: Gateway, archive: Archive
) -> None:
    _, *rest = history()
    await archive.store([Recorded(event, encode(event)) for event in rest])

    assert (await page(gateway)).orders == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("venue=%00", "venue"),
        ("tokenIn=SOL", "tokenOut"),
        ("limit=1&limit=2", "limit"),
        ("from=yesterday", "from"),
        ("to=0001-01-01T00:00:00%2B14:00", "to"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=5_0", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=WyIyMDI2LTAxLTAxVDEyOjAwOjAwWiIsICJ4Il0=", "cursor"),
        (f"cursor={cursor('0001-01-01T00:00:00+14:00')}", "cursor"),
        (f"cursor={cursor('9999-12-31T23:59:59-14:00')}", "cursor"),
        (f"cursor={cursor('infinity')}", "cursor"),
        (f"cursor={cursor('2026-01-01T00:00:00Z', chr(92) + 'n')}", "cursor"),
        ("from=2026-12-31T23:59:60Z", "from"),
        ("from=-infinity", "from"),
        ("page=2", "page"),
        ("find=ab", "find"),
        ("find=a%00bc", "find"),
        ("signature=", "signature"),
        ("unresolved=false", "unresolved"),
        ("status=failed,done", "status"),
        ("status=", "status"),
        ("updatedSince=now", "updatedSince"),
        ("updatedSince=2026-01-01T00:00:00Z&updatedSince=2026-01-01T00:00:00Z", "updatedSince"),
    ],
)
async def test_a_wrong_query_is_refused_by_the_parameters_name(
    gateway: Gateway, query: str, field: str
) -> None:
    answer = await gateway.http.get(f"{LIST}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_every_wrong_parameter_is_named_with_its_bound(gateway: Gateway) -> None:
    query = "limit=1000000&cursor=x&venue=a+b&status=done&tokenOut=SOL&to=1"
    answer = await gateway.http.get(f"{LIST}?{query}")
    told = {error["field"]: error["message"] for error in answer.json()["errors"]}

    assert told == {
        "limit": "must be at most 200",
        "cursor": "must be the `next` of a page",
        "venue": "must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -",
        "status": told["status"],
        "tokenIn": "is required with tokenOut",
        "to": "must be an RFC 3339 time with an offset, such as 2026-01-01T12:00:00Z",
    }
    assert told["status"].startswith("must be among pending, routing, ")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "must be at least 1"),
        ("-" + "9" * 5_000, "must be at least 1"),
        ("9" * 5_000, "must be at most 200"),
        ("5_0", "must be a whole number"),
        ("", "must be a whole number"),
    ],
)
async def test_a_limit_is_told_its_own_bound(gateway: Gateway, limit: str, message: str) -> None:
    answer = await gateway.http.get(LIST, params={"limit": limit})

    assert [error["message"] for error in answer.json()["errors"]] == [message]


async def test_without_postgres_there_is_no_list(redis_url: str, namespace: str) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        answer = await gateway.http.get(LIST)

    assert (answer.status_code, answer.json()["code"]) == (503, "HISTORY_UNAVAILABLE")
