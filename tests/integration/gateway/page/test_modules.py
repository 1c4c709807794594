"""The page's modules that decide something, each asked in a real browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page

from services.gateway.page.files import HOME, read_files
from tests.support.browser import browser, visit
from tests.support.web import served

pytestmark = pytest.mark.asyncio(loop_scope="module")

_BLANK = "/blank"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """Yield an empty page beside the modules: nothing of the real page runs there."""
    files = read_files()

    async def answer(request: web.Request) -> web.Response:
        if request.path == _BLANK:
            return web.Response(
                text="<!doctype html><title>blank</title>", content_type="text/html"
            )
        file = files[request.path]
        return web.Response(body=file.content, headers={"content-type": file.kind})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with served(app) as url, browser() as running, visit(running) as (opened, _):
        await opened.goto(url + _BLANK)
        yield opened


async def told(page: Page, module: str, script: str, *given: Any) -> Any:
    """Return what a function of a module says: `m` is the module, `g` what is given."""
    source = f"async ([path, g]) => {{ const m = await import(path); return ({script}); }}"
    return await page.evaluate(source, [f"{HOME}page/{module}", list(given)])


@pytest.mark.parametrize(
    ("text", "places", "shown"),
    [
        ("227.882721784", 4, "227.8827"),
        ("0.999999", 4, "0.9999"),  # Cut, never rounded up.
        ("6667.499990000", 4, "6,667.4999"),
        ("128440.207000", 4, "128,440.20"),
        ("61500000.5", 4, "61,500,000"),
        ("123456789012345678.123456789", 4, "123,456,789,012,345,678"),  # No float holds this one.
        ("0.000000140312", 4, "0.0₆1403"),
        ("0.0004", 4, "0.0004"),
        ("-0.5", 2, "\u22120.5"),
        ("0.000", 4, "0"),
        ("1500", 4, "1,500"),
    ],
)
async def test_money_is_cut_and_never_computed_with(
    page: Page, text: str, places: int, shown: str
) -> None:
    assert await told(page, "lib/format.js", "m.amount(...g)", text, places) == shown


async def test_an_amount_that_never_comes_is_a_dash(page: Page) -> None:
    assert await told(page, "lib/format.js", "m.amount(null)") == "\u2013"


async def test_every_digit_of_an_amount_can_be_seen(page: Page) -> None:
    text = "123456789012345678.123456780"

    assert await told(page, "lib/format.js", "m.exact(...g)", text) == (
        "123,456,789,012,345,678.12345678"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3.34", "+3.3"),
        ("-40.21", "\u221240.2"),
        ("0.04", "±0"),
        ("0", "±0"),
        ("1234.5", "+1,234.5"),
    ],
)
async def test_basis_points_have_a_sign(page: Page, text: str, shown: str) -> None:
    assert await told(page, "lib/format.js", "m.bps(...g)", text) == shown


async def test_amounts_are_compared_by_value_beyond_what_floats_hold(page: Page) -> None:
    amounts = ["9007199254740993.1", "9007199254740993.01", "9.5", "10", "-1", "-2", "10.0"]
    script = "g[0].sort(m.compareDecimals)"

    assert await told(page, "lib/format.js", script, amounts) == [
        *("-2", "-1", "9.5", "10", "10.0", "9007199254740993.01", "9007199254740993.1"),
    ]


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0.4, "0 ms"),
        (218, "218 ms"),
        (3_200, "3.20 s"),
        (116_000, "1 m 56 s"),
        (7_260_000, "2 h 1 m"),
    ],
)
async def test_a_duration_has_the_unit_that_fits(page: Page, ms: float, shown: str) -> None:
    assert await told(page, "lib/format.js", "m.duration(...g)", ms) == shown


@pytest.mark.parametrize(
    ("wish", "wrong"),
    [
        ({}, []),
        ({"amountIn": "1e5"}, ["amountIn"]),
        ({"amountIn": "0.0"}, ["amountIn"]),
        ({"amountIn": "0.0000000001"}, ["amountIn"]),  # SOL has nine decimals.
        ({"tokenOut": "SOL"}, ["tokenOut"]),
    ],
)
async def test_the_form_says_which_field_cannot_be_right(
    page: Page, wish: dict[str, str], wrong: list[str]
) -> None:
    order = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": "1.5", "maxSlippageBps": 100} | wish
    tokens = [{"symbol": "SOL", "decimals": 9}, {"symbol": "USDC", "decimals": 6}]

    assert await told(page, "lib/wish.js", "Object.keys(m.mistakes(...g))", order, tokens) == wrong


async def test_a_command_names_the_key_by_a_variable(page: Page) -> None:
    order = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": "1.5", "maxSlippageBps": 100}
    script = "m.curlOf('http://here/api/orders/execute', g[0], {key: 'k1', signed: true})"
    command = await told(page, "lib/wish.js", script, order)

    assert '-H "Authorization: Bearer $SLIPSTREAM_API_KEY"' in command
    assert "-H 'Idempotency-Key: k1'" in command
    assert json.loads(command.split("-d '")[1].removesuffix("'")) == order


_ORDER = """
const time = ms => new Date(1e12 + ms).toISOString();
const order = (n, version, more) => ({
  orderId: `0197c1e2-7b5a-7c3d-9e4f-${String(n).padStart(12, "0")}`, version, status: "pending",
  unresolved: false, submittedAt: time(n * 1e3), updatedAt: time(n * 1e3 + version), ...more});
const numbers = orders => orders.map(one => Number(one.orderId.slice(-6)));
"""


async def orders(page: Page, script: str) -> Any:
    """Return what a script makes of a store `s`, with `order(n, version, more)` for its orders."""
    body = f"(() => {{ {_ORDER} const s = new m.Orders(); {script} }})()"
    return await told(page, "state/orders.js", body)


async def test_an_older_version_changes_nothing(page: Page) -> None:
    script = """
    s.take([order(1, 3, {status: "routing"}), order(1, 2), order(1, 3, {status: "building"})]);
    s.settle();
    return [s.all.length, s.all[0].status, s.all[0].version];
    """

    assert await orders(page, script) == [1, "routing", 3]


async def test_orders_lie_newest_first_in_whatever_order_they_come(page: Page) -> None:
    script = """
    s.take([order(5, 1), order(2, 1)]); s.settle();
    s.take([order(9, 1), order(3, 1), order(7, 1)]); s.settle();
    return numbers(s.all);
    """

    assert await orders(page, script) == [9, 7, 5, 3, 2]


async def test_orders_of_the_same_millisecond_lie_as_the_lists_have_them(page: Page) -> None:
    script = """
    const at = rest => ({submittedAt: `2026-01-01T12:00:00${rest}Z`});
    s.take([order(1, 1, at(".000002")), order(2, 1, at("")), order(3, 1, at(".000001"))]);
    s.take([order(4, 1, at(".000001")), order(5, 1, at(".0005"))]);
    s.settle();
    return numbers(s.all);
    """

    assert await orders(page, script) == [5, 1, 4, 3, 2]


async def test_the_oldest_that_ended_are_forgotten_first(page: Page) -> None:
    script = """
    s.wanted = one => one.status === "failed";
    const ended = {status: "confirmed"};
    s.take([order(1, 1), order(2, 1, {status: "failed"}), order(3, 1, ended)]);
    s.take(Array.from({length: m.MOST}, (_, n) => order(n + 10, 1, ended)));
    s.settle();
    return [s.size - m.MOST, s.flying.size, numbers(s.all.slice(-2))];
    """

    assert await orders(page, script) == [2, 1, [2, 1]]


async def rows(page: Page, script: str) -> Any:
    """Return what a script makes of rows, `o(n)` being an order and `at(rows)` their numbers."""
    body = f"""(() => {{
    const o = (n, more) => ({{orderId: String(n), rank: n, ...more}});
    const at = rows => rows.map(one => one.rank);
    {script} }})()"""
    return await told(page, "orders/reading.js", body)


async def test_what_is_read_does_not_move_and_newer_orders_wait(page: Page) -> None:
    script = """
    const before = [o(5), o(4), o(3)];
    const {shown, waiting} = m.held(before, [o(7), o(6), ...before]);
    return [at(shown), waiting];
    """

    assert await rows(page, script) == [[5, 4, 3], 2]


async def test_an_order_that_matches_no_more_stays_while_somebody_reads(page: Page) -> None:
    script = """
    const before = [o(5), o(4), o(3)];
    return at(m.held(before, [before[0], before[2]]).shown);
    """

    assert await rows(page, script) == [5, 4, 3]


async def test_an_older_page_comes_in_below_while_somebody_reads(page: Page) -> None:
    script = """
    const before = [o(5), o(4)];
    const {shown, waiting} = m.held(before, [o(6), ...before, o(2), o(1)]);
    return [at(shown), waiting];
    """

    assert await rows(page, script) == [[5, 4, 2, 1], 1]


async def test_unresolved_orders_are_on_top_of_all(page: Page) -> None:
    script = """
    const list = [o(5), o(4, {unresolved: true}), o(3, {unresolved: true, ended: true}), o(2)];
    return [at(m.released(list, true)), at(m.released(list, false))];
    """

    assert await rows(page, script) == [[4, 5, 3, 2], [5, 4, 3, 2]]
