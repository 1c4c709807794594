"""Kill router or executor between any two messages to Redis or a venue, each once.

Nothing is left to chance: a healthy run names every boundary, and each gets a run of its own in
which a real process gets a real SIGKILL exactly there. Only of messages that repeat, polls of the
chain above all, no more than the first few are taken.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from shared.archive.migrate import migrate
from shared.orders.events import TransactionSigned
from shared.orders.order import replay
from shared.orders.states import State
from shared.settings import ExecutorSettings
from shared.streams.consumer.handler import Handler
from shared.streams.log.log import Log
from tests.support.boundaries import Boundaries, Boundary
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.outcomes import all_ended, members, settled, swaps
from tests.support.processes import environment
from tests.support.replicas import a_router, an_executor, events_of, placed, running

AT_ONCE = 12
REPEATS = 3
TRIES = 10  # To meet what the clock repeats: one poll of the chain more or less.
WORKERS = ("router", "executor")
PARKINGS = {
    "before append",
    "after append",
}  # Of no event; whether there is one, the clock decides.
LEAST = {"router": 3, "executor": 9}  # Messages of one order; far fewer means a blind proxy.
QUIET, SILENT = "all goes well", "the chain is silent for a while"
NO_ANSWER, NOTHING_ARRIVES = "the answer to the send is lost", "nothing that is sent arrives"
# How the chain treats the order: each takes the executor down another path.
SCENARIOS: dict[str, dict[str, object]] = {
    QUIET: {},
    SILENT: {
        "confirm_budget_ms": 0,
        "venue_swap_ms_min": 500,
        "venue_swap_ms_max": 500,
    },
    NO_ANSWER: {"venue_faults": "*.send_lost_reply=1"},
    NOTHING_ARRIVES: {
        "venue_faults": "*.send_lost=1",
        "max_routes": 2,
        "chain_block_ms": 20,
        "chain_valid_blocks": 10,
    },
}


def scene(redis_url: str, database_url: str, scenario: str) -> ExecutorSettings:
    """Return settings for one order, in a namespace of its own."""
    return ExecutorSettings(
        redis_url=redis_url,
        database_url=database_url,
        namespace=f"t{uuid4().hex[:12]}",
        partitions=1,
        redis_timeout_s=60,
        lease_ms=300,
        max_attempts=10,
        backoff_base_ms=100,
        quote_deadline_ms=60_000,
        quote_ttl_ms=600_000,
        venue_deadline_ms=60_000,
        unresolved_poll_ms=100,
        confirm_poll_ms=50,
        venue_quote_ms=0,
        venue_swap_ms_min=0,
        venue_swap_ms_max=0,
        reconcile_every_s=3_600,
        resend_ms=100,
        look_back_ms=50,
        look_back_for_ms=100,
        metrics_port=0,
        log_level="ERROR",
    ).model_copy(update=SCENARIOS[scenario])


def handler(service: str, log: Log, settings: ExecutorSettings) -> Handler:
    return a_router(log, settings) if service == "router" else an_executor(log, settings)


@asynccontextmanager
async def victim_of(
    service: str, settings: ExecutorSettings, log: Log, target: Boundary | None
) -> AsyncIterator[Boundaries]:
    """Run a service as a process that is killed at the target."""
    proxy = Boundaries(settings.redis_url, target)
    await proxy.listen()
    variables = environment(settings, redis_url=proxy.url, consumer_name="victim")
    victim = Forked(service, variables, Path(os.devnull))
    try:
        await eventually(lambda: knows(log, service, "victim"))
        proxy.arm(victim.kill)
        yield proxy
    finally:
        victim.kill()
        victim.wait()
        await proxy.refuse()


async def knows(log: Log, group: str, member: str) -> bool:
    return member in await members(log, group)


class Story(NamedTuple):
    """What a victim met, whether it was killed, and what is wrong with its order."""

    met: list[Boundary]
    struck: bool
    wrong: list[str]


async def story(service: str, settings: ExecutorSettings, target: Boundary | None) -> Story:
    """Run one order past a victim."""
    log = await Log.open(settings)
    [other] = set(WORKERS) - {service}
    try:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(
                running(log, other, handler(other, log, settings), settings)
            )
            async with victim_of(service, settings, log, target) as proxy:
                order_id = (await placed(log)).order_id

                async def is_over() -> bool:
                    return proxy.struck or await is_done(log, order_id)

                await eventually(is_over)
            await stack.enter_async_context(
                running(log, service, handler(service, log, settings), settings)
            )
            await eventually(lambda: is_done(log, order_id))
            return Story(proxy.seen, proxy.struck, await wrongs(log, settings, order_id))
    finally:
        await log.close()


async def is_done(log: Log, order_id: str) -> bool:
    return await all_ended(log, [order_id]) and await settled(log, *WORKERS)


async def wrongs(log: Log, settings: ExecutorSettings, order_id: str) -> list[str]:
    events = await events_of(log, order_id)
    order = replay(events)
    signed = sum(isinstance(event, TransactionSigned) for event in events)
    landed = await swaps(log, settings)
    lost = "send_lost=" in settings.venue_faults
    end, attempts = (State.FAILED, settings.max_routes) if lost else (State.CONFIRMED, 1)
    wrong = []
    if [event.version for event in events] != list(range(1, len(events) + 1)):
        wrong.append(f"versions {[event.version for event in events]}")
    if order is None or order.state is not end:
        wrong.append(f"it is {order and order.state}: {order and order.detail}")
    if signed != attempts or landed != ([] if lost else [order_id]):
        wrong.append(f"signed {signed} times, landed as {landed}")
    return wrong


async def wrong_after_crashes(
    redis_url: str, database_url: str, service: str, scenario: str
) -> dict[str, object]:
    """Kill the service at every boundary of an order; return what is not as it should be."""
    await migrate(database_url)

    async def told(target: Boundary | None = None) -> Story:
        return await story(service, scene(redis_url, database_url, scenario), target)

    # The first run also teaches Redis the scripts; how often the chain is asked, the clock decides.
    healthy = [await told(), *await asyncio.gather(told(), told())]
    always = set(healthy[1].met) & set(healthy[2].met)
    boundaries = {boundary for boundary in always if boundary.nth <= REPEATS}
    room = asyncio.Semaphore(AT_ONCE)

    async def killed_at(target: Boundary) -> Story:
        async with room:
            for _ in range(TRIES):
                one = await told(target)
                if one.struck:
                    break
        return one

    met = dict(zip(boundaries, await asyncio.gather(*map(killed_at, boundaries)), strict=True))
    found: dict[str, object] = {
        "without a crash": [wrong for one in healthy for wrong in one.wrong],
        "too few boundaries": sorted(boundaries) if len(boundaries) < LEAST[service] else [],
        "never met again": [
            b for b, one in met.items() if b.nth == 1 and b.name not in PARKINGS and not one.struck
        ],
        "killed": {target: one.wrong for target, one in met.items() if one.wrong},
    }
    return {name: wrong for name, wrong in found.items() if wrong}
