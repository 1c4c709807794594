"""The chaos harness itself: it leaves a sound stack alone, and convicts one that is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis import Redis

from shared.orders.codec import decode
from tests.chaos.command import FAULTS_ON, Plan, execute
from tests.chaos.nemesis import FAULTS, Nemesis
from tests.chaos.stage import Stage, staged

# What a version that stands for two events breaks; what of it shows depends on who came second.
_OF_THE_LOG = {
    "histories are legal",
    "one outcome",
    "versions are 1 to n",
    "the archive is the log",
}


@pytest.mark.parametrize("chain", FAULTS_ON)
async def test_a_sound_stack_keeps_its_promises_through_every_fault(
    chain: str, tmp_path: Path
) -> None:
    plan = Plan(
        seconds=7,
        seed=1,
        faults=FAULTS_ON[chain],
        chain=chain,
        rate=20,
        fault_every_s=0.7,
        replicas=2,
        save=tmp_path,
    )
    result = await execute(plan)

    assert result.violations == []
    assert result.orders > 10
    assert result.faults.total() >= 3


async def test_a_stack_that_appends_without_comparing_is_convicted(tmp_path: Path) -> None:
    plan = Plan(
        seconds=120,  # Which pause meets a step is left to chance, and so many meet one surely.
        seed=1,
        faults=("pause",),
        rate=30,
        fault_every_s=0.4,
        replicas=2,
        save=tmp_path,
        without_compare=True,
        quote_ms=500,  # Whoever pauses does so in the middle of many steps.
        rest_s=2,
        enough=_has_a_version_twice,
    )
    result = await execute(plan)

    assert _OF_THE_LOG & {one.promise for one in result.violations}


async def _has_a_version_twice(stage: Stage) -> bool:
    """Return whether some order in Redis has two events of one version."""
    return await asyncio.to_thread(_twice, stage)


def _twice(stage: Stage) -> bool:
    with Redis(port=stage.valkey.port) as redis:
        for key in redis.scan_iter("chaos:*:order:*", count=1_000):
            events = [decode(raw) for raw in redis.lrange(key, 0, -1)]
            if len({event.version for event in events}) < len(events):
                return True
    return False


async def test_every_fault_strikes_and_is_mended(tmp_path: Path) -> None:
    async with staged({}, tmp_path, replicas=1, devchain=True) as stage:
        nemesis = Nemesis(stage, 1, list(FAULTS))
        for fault in FAULTS.values():
            await fault(nemesis)
            await nemesis.rest()
        struck = [injected.fault for injected in nemesis.injected]
        for replica in stage.replicas:
            await replica.service.ready()

    assert struck == list(FAULTS)
