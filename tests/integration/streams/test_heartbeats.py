"""Counts of all replicas in a second add up. A replica is known until it leaves, or for an hour."""

from __future__ import annotations

import pytest

from shared.streams.figures import heartbeats as module
from shared.streams.figures.heartbeats import Found, Heartbeats
from shared.streams.log.log import Log
from tests.support.eventually import eventually

HOUR_MS = 3_600_000


def beats(log: Log) -> Heartbeats:
    return Heartbeats(log.client, log.keys.namespace)


async def over(log: Log, counted_ms: int) -> Found:
    """Return what is told once the second of that time is over."""

    async def is_over() -> bool:
        return (await beats(log).read()).now_ms // 1_000 > counted_ms // 1_000

    await eventually(is_over)
    return await beats(log).read()


def total(found: Found, field: str) -> int:
    return sum(counts.get(field, 0) for counts in found.counts.values())


async def test_counts_of_replicas_add_up_once_their_second_is_over(log: Log) -> None:
    await beats(log).beat("one", b"{}", {"confirmed": 2, "failed": 1})
    await beats(log).beat("one", b"{}", {"confirmed": 1})
    last_ms = await beats(log).beat("two", b"{}", {"confirmed": 4})
    found = await over(log, last_ms)

    assert (total(found, "confirmed"), total(found, "failed")) == (7, 1)


async def test_a_second_that_goes_on_is_not_told_yet(log: Log) -> None:
    counted_ms = await beats(log).beat("one", b"{}", {"confirmed": 1})
    found = await beats(log).read()

    assert found.now_ms // 1_000 not in found.counts
    assert (counted_ms // 1_000 in found.counts) == (found.now_ms // 1_000 > counted_ms // 1_000)


async def test_only_the_seconds_behind_the_known_ones_are_told(log: Log) -> None:
    counted_ms = await beats(log).beat("one", b"{}", {"confirmed": 1})
    await over(log, counted_ms)
    found = await beats(log).read(behind_s=counted_ms // 1_000)

    assert counted_ms // 1_000 not in found.counts
    assert total(found, "confirmed") == 0


async def test_a_replica_is_known_by_its_last_word_until_it_leaves(log: Log) -> None:
    await beats(log).beat("one", b"old", {})
    seen_ms = await beats(log).beat("one", b"new", {})
    await beats(log).beat("two", b"two", {})
    known = (await beats(log).read()).replicas
    await beats(log).beat("two", b"", {"confirmed": 1})
    left = (await beats(log).read()).replicas

    assert {name: noted.note for name, noted in known.items()} == {"one": b"new", "two": b"two"}
    assert known["one"].seen_ms == seen_ms
    assert list(left) == ["one"]


async def test_a_replica_that_was_silent_for_an_hour_is_forgotten(log: Log) -> None:
    replicas, seen, _ = beats(log)._keys
    seen_ms = await beats(log).beat("dead", b"{}", {})
    await log.client.call("ZADD", seen, seen_ms - HOUR_MS - 1, "dead")
    await beats(log).beat("alive", b"{}", {})

    assert list((await beats(log).read()).replicas) == ["alive"]
    assert await log.client.call("HKEYS", replicas) == [b"alive"]


async def test_no_more_replicas_are_remembered_than_there_may_be(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_REPLICAS", 2)
    for number in range(4):
        await beats(log).beat(f"replica-{number}", b"{}", {})

    assert sorted((await beats(log).read()).replicas) == ["replica-2", "replica-3"]


async def test_everything_expires_by_itself(log: Log) -> None:
    counted_ms = await beats(log).beat("one", b"{}", {"confirmed": 1})
    replicas, seen, second = beats(log)._keys
    left = [
        await log.client.call("PTTL", key)
        for key in (replicas, seen, f"{second}{counted_ms // 1_000}")
    ]

    assert all(0 < ms <= most for ms, most in zip(left, (HOUR_MS, HOUR_MS, 180_000), strict=True))
