"""The typed client: whatever is lost on the way, one order, and every event of it once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from services.gateway.access.api_keys import line_for, new_key
from shared.archive.archive import Archive
from shared.archive.fold import Recorded
from shared.archive.migrate import migrate
from shared.orders.codec import encode
from slipstream import (
    Accepted,
    AsyncClient,
    Client,
    Event,
    Forbidden,
    InvalidRequest,
    KeyReused,
    NewOrder,
    NotCancelled,
    NotFound,
    RateLimited,
    Refused,
    SlipstreamError,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from slipstream import client as client_module
from tests.support.builders import NOON, history
from tests.support.eventually import eventually
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
    gateway_settings,
    running_gateway,
)
from tests.support.proxy import Proxy, proxied

SWAP = ("SOL", "USDC", "1.5")
NOBODYS = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"  # An order id that was never given.


@pytest_asyncio.fixture
async def client(way: Proxy) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(way.url, retry_for_s=60, timeout_s=60) as running:
        yield running


def versions(events: list[Event]) -> list[int]:
    return [event.version for event in events]


async def test_an_order_is_placed_and_read_back_with_exact_amounts(client: AsyncClient) -> None:
    accepted = await client.submit("SOL", "USDC", Decimal("123456789.100000001"))
    order = await client.get(accepted.order_id)

    assert (accepted.status, accepted.replayed) == ("pending", False)
    assert order.amount_in == Decimal("123456789.100000001")
    assert not order.ended


async def test_an_order_whose_answer_was_lost_is_placed_once(
    client: AsyncClient, gateway: Gateway, way: Proxy
) -> None:
    way.lose_replies(b"POST", times=2)
    accepted = await client.submit(*SWAP)

    assert way.lost == 2
    assert accepted.replayed
    assert await events_on(gateway.log) == 1


async def test_an_order_that_may_have_been_placed_can_be_placed_again_under_its_key(
    gateway: Gateway, way: Proxy
) -> None:
    way.lose_replies(b"POST", times=1_000)
    async with AsyncClient(way.url, retry_for_s=0, timeout_s=60) as hasty:
        with pytest.raises(Unreachable) as lost:
            await hasty.submit(*SWAP)
        with pytest.raises(Unreachable) as batch_lost:
            await hasty.submit_batch([NewOrder(*SWAP)])
        way.lose_replies(b"POST", times=0)
        again = await hasty.submit(*SWAP, key=lost.value.key)
        [batch_again] = await hasty.submit_batch([NewOrder(*SWAP)], key=batch_lost.value.key)

    assert again.replayed
    assert isinstance(batch_again, Accepted)
    assert batch_again.replayed
    assert await events_on(gateway.log) == 2


async def test_a_later_no_leaves_the_doubt_about_an_earlier_try(way: Proxy) -> None:
    way.lose_replies(b"POST")
    async with AsyncClient(way.url, retry_for_s=5, timeout_s=60) as client:
        placing = asyncio.create_task(client.submit(*SWAP, key="mine"))
        await eventually(lambda: way.lost)
        await way.refuse()
        with pytest.raises(Unreachable) as refused:
            await placing

    assert refused.value.key == "mine"


async def test_what_was_surely_not_placed_leaves_no_doubt(client: AsyncClient) -> None:
    async with AsyncClient("http://127.0.0.1:1", retry_for_s=0) as nobody:
        with pytest.raises(Unreachable) as never_sent:
            await nobody.submit(*SWAP)
    with pytest.raises(InvalidRequest) as refused:
        await client.submit("SOL", "SOL", "1")

    assert (never_sent.value.key, refused.value.key) == (None, None)


async def test_a_key_that_cannot_be_sent_is_refused_at_once(client: AsyncClient) -> None:
    with pytest.raises(SlipstreamError, match="visible ASCII"):
        await client.submit(*SWAP, key="two\nlines")


async def test_what_is_no_id_is_no_other_address(client: AsyncClient) -> None:
    order_id = (await client.submit(*SWAP)).order_id
    for call in (client.get, client.cancel, client.events):
        with pytest.raises(InvalidRequest):
            await call(f"{order_id}?")
    with pytest.raises(Refused):
        await anext(client.follow(f"{order_id}/ws?"))


async def test_two_orders_are_two_unless_they_have_one_key(client: AsyncClient) -> None:
    first, second = await client.submit(*SWAP), await client.submit(*SWAP)
    third, fourth = [await client.submit(*SWAP, key="invoice-17") for _ in range(2)]

    assert len({first.order_id, second.order_id, third.order_id}) == 3
    assert (fourth.order_id, fourth.replayed) == (third.order_id, True)


async def test_a_gateway_that_cannot_take_orders_is_asked_again_until_it_can(
    redis_url: str, namespace: str
) -> None:
    async with proxied(redis_url) as redis:
        settings = gateway_settings(redis.url, namespace, accept_deadline_ms=100)
        async with running_gateway(settings) as gateway:
            await redis.refuse()
            async with AsyncClient(str(gateway.http.base_url), retry_for_s=60) as client:
                placing = asyncio.create_task(client.submit(*SWAP))
                refused = await gateway.http.post(EXECUTE, json=ORDER)
                await redis.listen()

                assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
                assert (await placing).order_id


async def test_a_client_that_may_not_retry_hears_of_the_first_no(
    redis_url: str, namespace: str
) -> None:
    async with proxied(redis_url) as redis:
        settings = gateway_settings(redis.url, namespace, accept_deadline_ms=100)
        async with running_gateway(settings) as gateway:
            await redis.refuse()
            async with AsyncClient(str(gateway.http.base_url), retry_for_s=0) as client:
                with pytest.raises(Unavailable) as refused:
                    await client.submit(*SWAP)

    assert refused.value.code == "LOG_UNAVAILABLE"
    assert refused.value.retry_after_s == 1


async def test_nobody_at_the_address_is_said_after_the_time_for_it() -> None:
    async with AsyncClient("http://127.0.0.1:1", retry_for_s=0.3) as client:
        with pytest.raises(Unreachable, match="No gateway answers"):
            await client.submit(*SWAP)
        with pytest.raises(Unreachable):
            await anext(client.follow(NOBODYS, patience_s=0))


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://[::1"])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(SlipstreamError, match="is no URL"):
        AsyncClient(url)


async def test_refusals_are_told_apart_by_their_types(client: AsyncClient) -> None:
    await client.submit(*SWAP, key="invoice-17")

    with pytest.raises(InvalidRequest) as invalid:
        await client.submit("SOL", "SOL", "-1")
    assert [error.field for error in invalid.value.problem.errors] == ["tokenOut", "amountIn"]
    with pytest.raises(KeyReused):
        await client.submit("SOL", "USDC", "2", key="invoice-17")
    with pytest.raises(InvalidRequest):
        await anext(client.follow("nonsense"))


async def test_an_order_that_was_never_placed_is_not_found(
    redis_url: str, database_url: str, namespace: str
) -> None:
    await migrate(database_url)
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with (
        running_gateway(settings) as gateway,
        AsyncClient(f"http://{gateway.address}") as client,
    ):
        with pytest.raises(NotFound):
            await client.get(NOBODYS)
        with pytest.raises(NotFound):
            await anext(client.follow(NOBODYS))


async def test_a_key_opens_requests_and_sockets_and_its_role_bounds_them(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    keys = {role: new_key() for role in ("trade", "read")}
    file = tmp_path / "keys.jsonl"
    file.write_text("\n".join(line_for(key, "desk", role, "") for role, key in keys.items()))
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(file))
    async with running_gateway(settings) as gateway:
        url = f"http://{gateway.address}"
        async with AsyncClient(url, api_key=keys["trade"]) as client:
            order_id = (await client.submit(*SWAP)).order_id
            assert (await anext(client.follow(order_id))).type == "OrderSubmitted"
        async with AsyncClient(url, api_key=keys["read"]) as client:
            assert (await client.get(order_id)).status == "pending"
            with pytest.raises(Forbidden):
                await client.submit(*SWAP)
        async with AsyncClient(url) as client:
            with pytest.raises(Unauthenticated):
                await client.submit(*SWAP)
            with pytest.raises(Unauthenticated):
                await anext(client.follow(order_id))


async def test_a_client_over_its_rate_comes_back_when_it_may(
    redis_url: str, namespace: str
) -> None:
    settings = gateway_settings(redis_url, namespace, rate_limit_account="2/second")
    async with (
        running_gateway(settings) as gateway,
        AsyncClient(f"http://{gateway.address}", retry_for_s=60) as patient,
        AsyncClient(f"http://{gateway.address}", retry_for_s=0) as hasty,
    ):
        placed = [(await patient.submit(*SWAP)).order_id for _ in range(5)]
        with pytest.raises(RateLimited):
            await _place_for_ever(hasty)

    assert len(set(placed)) == 5


async def _place_for_ever(client: AsyncClient) -> None:
    while True:  # Sooner or later three come within a second.
        await asyncio.gather(*(client.submit(*SWAP) for _ in range(5)))


async def test_the_figures_tell_of_orders_and_sockets(
    redis_url: str, database_url: str, namespace: str
) -> None:
    await migrate(database_url)
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with (
        running_gateway(settings) as gateway,
        AsyncClient(f"http://{gateway.address}") as client,
    ):
        stats = await client.stats()

    assert (stats.queue.completed, stats.websocket.connections) == (0, 0)
    assert set(stats.lag) == {"router", "executor", "notifier", "projector"}


async def test_an_order_is_cancelled_once_and_for_all(client: AsyncClient) -> None:
    order_id = (await client.submit(*SWAP)).order_id
    cancelled, again = [await client.cancel(order_id) for _ in range(2)]

    assert cancelled.status == "cancelled"
    assert again == cancelled


async def test_an_order_that_has_ended_is_not_cancelled(
    client: AsyncClient, gateway: Gateway
) -> None:
    order_id = (await client.submit(*SWAP)).order_id
    await gateway.happen(*history(order_id)[1:])

    with pytest.raises(NotCancelled):
        await client.cancel(order_id)


async def test_following_goes_on_behind_the_last_event_whenever_the_line_is_cut(
    client: AsyncClient, gateway: Gateway, way: Proxy
) -> None:
    order_id = (await client.submit(*SWAP)).order_id
    to_come = history(order_id)[1:]
    cuts: list[str] = []
    seen = []
    async for event in client.follow(order_id, lost=cuts.append):
        seen.append(event)
        await way.cut()
        if to_come:
            await gateway.happen(to_come.pop(0))

    assert versions(seen) == list(range(1, len(seen) + 1))
    assert seen[-1].ended
    assert len(cuts) >= len(seen) - 1
    assert seen == await client.events(order_id)


async def test_following_can_begin_behind_what_is_known(
    client: AsyncClient, gateway: Gateway
) -> None:
    order_id = (await client.submit(*SWAP)).order_id
    await gateway.happen(*history(order_id)[1:])
    seen = [event async for event in client.follow(order_id, since=2)]

    assert versions(seen) == list(range(3, len(history(order_id)) + 1))


async def test_a_batch_tells_of_each_order_and_repeats_none(
    client: AsyncClient, gateway: Gateway, way: Proxy
) -> None:
    orders = [NewOrder(*SWAP), NewOrder("SOL", "SOL", "1"), NewOrder("ETH", "USDC", Decimal("0.2"))]
    way.lose_replies(b"POST")
    first, wrong, third = await client.submit_batch(orders, key="batch-17")
    again = await client.submit_batch(orders, key="batch-17")

    assert isinstance(wrong, InvalidRequest)
    assert isinstance(first, Accepted)
    assert isinstance(third, Accepted)
    assert (first.replayed, third.replayed) == (True, True)
    assert [one.order_id for one in again if isinstance(one, Accepted)] == [
        first.order_id,
        third.order_id,
    ]
    assert await events_on(gateway.log) == 2


async def test_a_name_of_the_clients_own_is_a_key_too(client: AsyncClient) -> None:
    first, second = [await client.submit(*SWAP, client_order_id="mine") for _ in range(2)]

    assert (second.order_id, second.replayed) == (first.order_id, True)
    assert (await client.get(first.order_id)).client_order_id == "mine"


async def test_quotes_are_what_the_venues_offer_now(client: AsyncClient) -> None:
    quotes = await client.quotes("SOL", "USDC", "1.5")

    assert {offer.venue for offer in quotes.quotes} == {"raydium", "meteora"}
    assert quotes.best == max(quotes.quotes, key=lambda offer: offer.net_out)


async def test_tokens_are_listed_by_both_clients(client: AsyncClient, gateway: Gateway) -> None:
    tokens = await client.tokens()
    with Client(f"http://{gateway.address}") as waiting:
        assert await asyncio.to_thread(waiting.tokens) == tokens

    assert ("USDC", 6) in {(token.symbol, token.decimals) for token in tokens}


async def test_all_orders_are_listed_page_after_page(
    redis_url: str, database_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PAGE", 2)
    await migrate(database_url)
    histories = [history(ending="confirmed" if n % 3 else "failed") for n in range(7)]
    archive = await Archive.open(database_url)
    await archive.store([Recorded(event, encode(event)) for one in histories for event in one])
    await archive.close()
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with (
        running_gateway(settings) as gateway,
        AsyncClient(f"http://{gateway.address}") as client,
    ):
        every = [order.order_id async for order in client.orders(since=NOON)]
        failed = [order.status async for order in client.orders(status="failed")]
        page = await client.page(limit=1)

    assert sorted(every) == sorted(one[0].order_id for one in histories)
    assert failed == ["failed"] * 3
    assert [order.order_id for order in page.orders] == every[:1]
    assert page.next


async def test_the_client_that_waits_does_the_same(gateway: Gateway) -> None:
    with Client(f"http://{gateway.address}") as client:
        accepted = await asyncio.to_thread(client.submit, *SWAP)
        order = await asyncio.to_thread(client.get, accepted.order_id)
        await gateway.happen(*history(accepted.order_id)[1:])
        seen = await asyncio.to_thread(list, client.follow(accepted.order_id))
        events = await asyncio.to_thread(client.events, accepted.order_id)
        with pytest.raises(NotCancelled):
            await asyncio.to_thread(client.cancel, accepted.order_id)

    assert order.status == "pending"
    assert seen[-1].status == "confirmed"
    assert seen == events


async def test_a_program_may_stop_following_and_do_something_else(gateway: Gateway) -> None:
    def first_event(client: Client, order_id: str) -> list[Event]:
        return list(islice(client.follow(order_id), 1))

    with Client(f"http://{gateway.address}") as client:
        accepted = await asyncio.to_thread(client.submit, *SWAP)
        seen = await asyncio.to_thread(first_event, client, accepted.order_id)
        order = await asyncio.to_thread(client.get, accepted.order_id)

    assert versions(seen) == [1]
    assert order.version == 1
