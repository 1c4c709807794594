"""An executor is killed between any two of sign, log, send and confirm: one swap lands.

A real process gets a real SIGKILL at each message by which it signs, logs, sends or asks; another
one goes on. Swaps are counted on the chain, by the order's id that travels in them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from aiohttp import web

from shared.orders.states import State
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from tests.integration.onchain.conftest import Desk
from tests.support.boundaries import Boundaries, Boundary
from tests.support.crashing import knows
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.nodes import Asked, Stub, between
from tests.support.onchain import Devchain, executing, routing, the_order
from tests.support.processes import environment
from tests.support.replicas import events_of, placed

BLOCK_S = 0.05
TARGETS = [
    Boundary("after simulateTransaction", 1),
    Boundary("before append TransactionSigned", 1),
    Boundary("after append", 1),
    Boundary("before sendTransaction", 1),
    Boundary("after sendTransaction", 1),
    Boundary("before append TransactionSent", 1),
    Boundary("after append", 2),
    Boundary("before getSignatureStatuses", 1),
    Boundary("after getTransaction", 1),
    Boundary("before append OrderConfirmed", 1),
    Boundary("after append", 3),
]


class Told(NamedTuple):
    """An order's end."""

    state: State
    versions: list[int]
    landed: int


def strike_at(target: Boundary, way: Stub, victim: Forked) -> None:
    """Kill at a call to the chain: before it is passed on, or before its answer is."""
    pass_on, name = way.behave, target.name
    gone = web.Response(status=503)

    async def behave(asked: Asked) -> web.Response:
        methods = {call["method"] for call in asked}
        if victim.poll() is not None or any(name == f"before {method}" for method in methods):
            victim.kill()
            return gone
        said = await pass_on(asked)
        if any(name == f"after {method}" for method in methods):
            victim.kill()
            return gone
        return said

    way.behave = behave


@asynccontextmanager
async def victim_of(
    settings: VenueSettings, log: Log, target: Boundary, chain: Devchain
) -> AsyncIterator[Forked]:
    redis = Boundaries(settings.redis_url, target)
    await redis.listen()
    async with between(chain.urls[0]) as way:
        others = {"redis_url": redis.url, "rpc_urls": way.url, "consumer_name": "victim"}
        victim = Forked("executor", environment(settings, **others), Path(os.devnull))
        try:
            await eventually(lambda: knows(log, "executor", "victim"))
            redis.arm(victim.kill)
            strike_at(target, way, victim)
            yield victim
        finally:
            victim.kill()
            victim.wait()
            await redis.refuse()


async def story(desk: Desk, target: Boundary) -> Told:
    """Kill an executor at the target, and let another one end its order."""
    own = {"namespace": f"t{uuid4().hex[:12]}", "partitions": 1, "lease_ms": 300, "metrics_port": 0}
    settings = desk.settings.model_copy(update=own)
    log = await Log.open(settings)
    try:
        async with routing(log, settings):
            async with victim_of(settings, log, target, desk.chain) as victim:
                order_id = (await placed(log)).order_id
                await eventually(lambda: victim.poll() is not None)

            async def has_ended() -> bool:
                return (await the_order(log, order_id)).ended

            async with executing(log, settings):
                await eventually(has_ended)
        order, events = await the_order(log, order_id), await events_of(log, order_id)
        versions = [event.version for event in events]
        return Told(order.state, versions, desk.chain.landed(desk.wallet)[order_id])
    finally:
        await log.close()


@asynccontextmanager
async def making_blocks_in_time(chain: Devchain) -> AsyncIterator[None]:
    async def make() -> None:
        while True:
            await asyncio.sleep(BLOCK_S)
            chain.step()

    making = asyncio.create_task(make())
    try:
        yield
    finally:
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)


async def test_a_kill_between_any_two_steps_lands_one_swap(desk: Desk) -> None:
    async with making_blocks_in_time(desk.chain):
        told = await asyncio.gather(*(story(desk, target) for target in TARGETS))

    assert {one.state for one in told} == {State.CONFIRMED}
    assert {one.landed for one in told} == {1}
    assert all(one.versions == list(range(1, len(one.versions) + 1)) for one in told)
