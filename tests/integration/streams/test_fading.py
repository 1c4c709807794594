"""Sums that all replicas add to: they fade as told, and what a replica notes is forgotten."""

from __future__ import annotations

import pytest

from shared.streams.figures.fading import Fading
from shared.streams.log.log import Log

HOUR_MS = 3_600_000


def fading(log: Log, half_life_s: float = 3_600.0) -> Fading:
    return Fading(log.client, log.keys.namespace, "venues", half_life_s)


async def pass_by(log: Log, figures: Fading, ms: int) -> None:
    """Let time pass, as the sums have it."""
    began = int(await log.client.call("HGET", figures._keys[0], ""))
    await log.client.call("HSET", figures._keys[0], "", began - ms)


async def test_replicas_add_to_one_sum(log: Log) -> None:
    for each in (fading(log), fading(log)):
        await each.add({"raydium/won": 2, "a/b/won": 0.5}, {})

    found = await fading(log).read()

    assert found.sums == {
        "raydium/won": pytest.approx(4, rel=1e-3),
        "a/b/won": pytest.approx(1, rel=1e-3),
    }


async def test_a_sum_halves_with_each_half_life_and_new_ones_count_in_full(log: Log) -> None:
    figures = fading(log)
    await figures.add({"won": 8}, {})
    await pass_by(log, figures, 2 * HOUR_MS)
    faded = (await figures.read()).sums["won"]
    more = (await figures.add({"won": 1}, {})).sums["won"]

    assert faded == pytest.approx(2, rel=1e-3)
    assert more == pytest.approx(3, rel=1e-3)


async def test_after_very_long_the_sums_begin_anew_and_nothing_overflows(log: Log) -> None:
    figures = fading(log)
    await figures.add({"old": 10**9, "kept": 10**9}, {})
    await pass_by(log, figures, 201 * HOUR_MS)
    found = await figures.add({"kept": 5}, {})

    assert found.sums == {"kept": pytest.approx(5, rel=1e-3)}


async def test_a_clock_that_went_back_does_no_harm(log: Log) -> None:
    figures = fading(log)
    await figures.add({"won": 5}, {})
    await pass_by(log, figures, -HOUR_MS)
    found = await figures.add({"won": 5}, {})

    assert 5 <= found.sums["won"] <= 15.1


async def test_notes_are_told_until_they_are_old(log: Log) -> None:
    figures = fading(log)
    await figures.add({}, {"raydium/one": "up"})
    both = await figures.add({}, {"raydium/two": "open because"})
    stale = f"{int((await log.client.call('TIME'))[0]) * 1_000 - 16_000} up"
    await log.client.call("HSET", figures._keys[1], "raydium/one", stale)
    read = await figures.read()
    await figures.add({}, {"raydium/two": "up"})

    assert both.notes == {"raydium/one": "up", "raydium/two": "open because"}
    assert read.notes == {"raydium/two": "open because"}
    assert await log.client.call("HLEN", figures._keys[1]) == 1


async def test_a_read_writes_nothing(log: Log) -> None:
    found = await fading(log).read()

    assert (found.sums, found.notes) == ({}, {})
    assert await log.client.call("EXISTS", fading(log)._keys[0]) == 0
