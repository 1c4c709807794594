"""`slipstream load` against a real gateway: what it measures is what a client would meet."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from cli.load.generator import Load, Wanted
from slipstream import AsyncClient
from tests.support.builders import history
from tests.support.cli import command, folder, stack_in, started
from tests.support.eventually import eventually
from tests.support.frozen import frozen
from tests.support.gateway import Gateway, events_on
from tests.support.proxy import Proxy

_STALL_S = 0.5


@pytest_asyncio.fixture
async def client(way: Proxy) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(way.url, retry_for_s=0, timeout_s=60) as running:
        yield running


def wanted(
    *,
    orders: int = 100,
    duration_s: float = 600,
    rate: float | None = None,
    concurrency: int = 50,
    follow: bool = False,
) -> Wanted:
    return Wanted(
        orders=orders, duration_s=duration_s, rate=rate, concurrency=concurrency, follow=follow
    )


async def run(*words: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(command, "load", *words)


async def test_every_order_is_placed_and_its_time_kept(
    gateway: Gateway, client: AsyncClient
) -> None:
    load = Load(client, wanted(orders=30))
    await load.run()

    assert await events_on(gateway.log) == 30
    assert (load.tally.sent, len(load.tally.answer_ms), load.tally.under_way) == (30, 30, 0)
    assert not load.tally.errors


async def test_at_a_rate_every_order_that_was_due_in_a_stall_has_waited(
    client: AsyncClient, way: Proxy
) -> None:
    """A load test that waited with its server would count the stall once."""
    way.hang()
    load = Load(client, wanted(orders=100, rate=100, concurrency=2))
    running = asyncio.create_task(load.run())
    await eventually(lambda: load.tally.sent == 2)
    over = time.monotonic() + _STALL_S
    await eventually(lambda: time.monotonic() > over)
    way.flow()
    await running

    assert len(load.tally.answer_ms) == 100
    assert sum(ms > 100 for ms in load.tally.answer_ms) >= 30
    assert max(load.tally.answer_ms) >= 1_000 * _STALL_S


async def soon(look: Callable[[], bool]) -> None:
    """Wait while the loop's clock stands still."""
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0)


async def test_what_the_load_test_itself_is_late_by_is_no_fault_of_the_gateway(
    client: AsyncClient,
) -> None:
    with frozen() as clock:
        load = Load(client, wanted(orders=4, rate=1), clock)
        running = asyncio.create_task(load.run())
        await soon(lambda: len(load.tally.answer_ms) == 1)
        await clock.pass_by(3.5)
        await running

    assert list(load.tally.late_ms) == pytest.approx([0, 2_500, 1_500, 500])
    assert list(load.tally.answer_ms) == pytest.approx([0, 0, 0, 0], abs=1)


async def test_what_the_gateway_kept_waiting_was_not_late_by_itself(
    client: AsyncClient, way: Proxy
) -> None:
    way.hang()
    with frozen() as clock:
        load = Load(client, wanted(orders=3, rate=1, concurrency=1), clock)
        running = asyncio.create_task(load.run())
        await soon(lambda: load.tally.sent == 1)
        await clock.pass_by(2.5)
        way.flow()
        await running

    assert list(load.tally.late_ms) == pytest.approx([0, 0, 0], abs=1)
    assert list(load.tally.answer_ms) == pytest.approx([2_500, 1_500, 500], abs=1)


async def test_clients_in_a_loop_wait_for_their_answers(client: AsyncClient, way: Proxy) -> None:
    way.hang()
    load = Load(client, wanted(orders=20, concurrency=3))
    running = asyncio.create_task(load.run())
    await eventually(lambda: load.tally.under_way == 3)
    assert load.tally.sent == 3
    way.flow()
    await running

    assert load.tally.sent == 20


async def test_it_is_over_after_its_time(client: AsyncClient) -> None:
    load = Load(client, wanted(orders=1_000_000, duration_s=0.3, rate=100))
    await load.run()

    assert load.tally.sent == 30


async def test_what_goes_wrong_is_counted_by_its_code(client: AsyncClient, way: Proxy) -> None:
    await way.refuse()
    load = Load(client, wanted(orders=5))
    await load.run()

    assert load.tally.errors == {"Unreachable": 5}
    assert not load.tally.answer_ms


async def test_orders_are_followed_to_their_ends(gateway: Gateway, client: AsyncClient) -> None:
    load = Load(client, wanted(orders=1, follow=True))
    running = asyncio.create_task(load.run())
    await eventually(lambda: len(load.tally.answer_ms) == 1)
    streams = [gateway.log.keys.log(n) for n in range(gateway.log.keys.partitions)]
    pages = await gateway.log.client.run([("XRANGE", stream, "-", "+") for stream in streams])
    [entry] = [entry for page in pages for entry in page]
    order_id = entry[1][entry[1].index(b"order") + 1].decode()
    await gateway.happen(*history(order_id)[1:])
    await running

    assert load.tally.outcomes == {"confirmed": 1}
    assert load.tally.end_ms[0] >= load.tally.answer_ms[0]


async def test_the_command_prints_numbers_and_a_histogram(gateway: Gateway) -> None:
    seen = await run("--url", f"http://{gateway.address}", "--orders", "20")

    assert seen.returncode == 0, seen.stderr
    assert "accepted   20" in seen.stdout
    assert "p99.9" in seen.stdout
    assert "█" in seen.stdout


async def test_the_command_fails_over_a_limit(gateway: Gateway) -> None:
    url = ("--url", f"http://{gateway.address}", "--orders", "5", "--json")
    good = await run(*url, "--fail-over", "p99=60s", "--max-errors", "0")
    bad = await run(*url, "--fail-over", "p50=0ms")
    wrong = await run(*url, "--fail-over", "fast")

    assert (good.returncode, json.loads(good.stdout)["ok"]) == (0, True)
    assert (bad.returncode, json.loads(bad.stdout)["ok"]) == (1, False)
    assert wrong.returncode == 2


async def test_an_interrupt_ends_it_with_the_summary(gateway: Gateway) -> None:
    words = ("load", "--url", f"http://{gateway.address}", "--rate", "20", "--duration", "600")
    with started(*words) as process:
        await eventually(lambda: events_on(gateway.log))
        process.send_signal(signal.SIGINT)
        said, _ = await asyncio.to_thread(process.communicate, timeout=60)

    assert process.returncode == 130
    assert "POST to 202" in said


async def test_it_goes_to_another_machine_only_when_told_to() -> None:
    with folder() as root, stack_in(root, "192.0.2.1:8000") as data_dir:
        refused = await run("--data-dir", data_dir, "--orders", "1")

    assert refused.returncode == 2
    assert "--url" in refused.stderr


async def test_nobody_at_the_address_is_said_at_once() -> None:
    seen = await run("--url", "http://127.0.0.1:1")

    assert seen.returncode == 1
    assert "No gateway answers" in seen.stderr
