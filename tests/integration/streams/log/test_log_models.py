"""The log and its groups on a real server, against models that are plain lists and sets."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from shared.orders.codec import encode
from shared.orders.events import OrderEvent, RoutingStarted
from shared.settings import VenueSettings
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import RETRY, Claimed, Group
from shared.streams.log.appends import Append, Settled
from shared.streams.log.creation import Creation
from shared.streams.log.log import Log
from shared.streams.redis.client import Client
from shared.streams.redis.keys import Keys
from tests.support.builders import NOON, an_intent, an_order_id, submitted
from tests.support.replicas import a_submission, submit, unsettled

LEASE_MS = 60_000  # Nothing lapses by itself; a rule makes it.
REPLICAS = ("a", "b", "c")
FEW = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class OnRedis(RuleBasedStateMachine):
    """A log in a namespace of its own, and a loop to speak with it."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.log: Log = self.wait(self.opened())

    async def opened(self) -> Log:
        log = Log(await Client.connect(self.url), Keys(f"t{uuid4().hex[:12]}", 2))
        await log.prepare()
        return log

    def wait(self, what: Any) -> Any:
        return self.loop.run(what)

    def teardown(self) -> None:
        self.wait(self.log.close())
        self.loop.close()


def following(order_id: str, version: int) -> OrderEvent:
    return RoutingStarted(order_id=order_id, version=version, at=NOON, intent=an_intent())


class AppendModel(OnRedis):
    """Compare-and-append: the log is what was appended at the right version, and nothing else."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.histories: dict[str, list[bytes]] = {}
        self.keys: dict[str, tuple[str, str]] = {}

    @rule(target=orders)
    def submit(self) -> str:
        event = submitted()
        [taken] = self.wait(submit(self.log, event))
        self.histories[event.order_id] = [encode(event)]

        assert (taken.order_id, taken.kind) == (event.order_id, "accepted")
        return event.order_id

    @rule(target=orders, key=st.sampled_from("kl"), digest=st.sampled_from("de"))
    def submit_under_a_key(self, key: str, digest: str) -> Any:
        # A key and its order lie in one partition; the gateway sees to it.
        event = submitted()
        while self.log.keys.partition_of(event.order_id) != 0:
            event = submitted()
        marker = self.log.keys.marker(0, key)
        submission = a_submission(event, marker=marker, digest=digest)
        [taken] = self.wait(Creation(self.log).submit([submission]))
        if key in self.keys:
            order_id, known = self.keys[key]
            kind = "repeated" if digest == known else "conflict"

            assert (taken.order_id, taken.kind) == (order_id, kind)
            return multiple()
        self.keys[key] = event.order_id, digest
        self.histories[event.order_id] = [encode(event)]

        assert (taken.order_id, taken.kind) == (event.order_id, "accepted")
        return event.order_id

    @rule(order_id=orders, off=st.integers(-2, 2), count=st.integers(0, 3))
    def append(self, order_id: str, off: int, count: int) -> None:
        history = self.histories[order_id]
        expected = max(1, len(history) + off)
        events = [following(order_id, expected + 1 + i) for i in range(count)]
        append = Append(order_id=order_id, expected=expected, events=events)
        [outcome] = self.wait(self.log.append("router", [append]))
        if expected == len(history):
            history += [encode(event) for event in events]
            assert outcome == "ok"
        else:
            assert outcome == ("moved" if expected < len(self.histories[order_id]) else "missing")

    @rule(first=orders, second=orders)
    def append_to_many_at_once(self, first: str, second: str) -> None:
        versions = [len(self.histories[order_id]) for order_id in (first, second)]
        appends = [
            Append(order_id=order_id, expected=version, events=[following(order_id, version + 1)])
            for order_id, version in zip((first, second), versions, strict=True)
        ]
        outcomes = self.wait(self.log.append("router", appends))
        for append, outcome in zip(appends, outcomes, strict=True):
            if outcome == "ok":
                self.histories[append.order_id] += [encode(event) for event in append.events]

        assert outcomes == (["ok", "moved"] if first == second else ["ok", "ok"])

    @invariant()
    def lists_are_the_model(self) -> None:
        order_ids = list(self.histories)
        assert self.wait(self.log.history(order_ids)) == list(self.histories.values())

    @invariant()
    def streams_tell_the_same_story(self) -> None:
        told: dict[str, list[bytes]] = defaultdict(list)
        for partition in range(self.log.keys.partitions):
            stream = self.log.keys.log(partition)
            for _, fields in self.wait(self.log.client.call("XRANGE", stream, "-", "+")):
                named = list(zip(fields[::2], fields[1::2], strict=True))
                order_id = dict(named)[b"order"].decode()
                told[order_id] += [value for name, value in named if name == b"event"]
        assert told == self.histories


class GroupModel(OnRedis):
    """Replicas that come, go, fall asleep and wake up: no entry is lost, none done twice."""

    held = Bundle("held")  # What some replica believes to hold, rightly or not.

    def __init__(self) -> None:
        super().__init__()
        self.replicas = {name: Group(self.log, "router", name) for name in REPLICAS}
        for group in self.replicas.values():
            self.wait(self.take(group))  # The first question only tells the server's clock.
        self.placed: list[str] = []
        self.settled: set[str] = set()

    @rule()
    def place(self) -> None:
        # Partitions in turn: left to chance, the same rules would find other entries when rerun.
        turn = len(self.placed) % self.log.keys.partitions
        order_id = an_order_id()
        while self.log.keys.partition_of(order_id) != turn:
            order_id = an_order_id()
        self.wait(submit(self.log, submitted(order_id)))
        self.placed.append(order_id)

    @rule(target=held, name=st.sampled_from(REPLICAS), count=st.integers(1, 3))
    def read(self, name: str, count: int) -> Any:
        group = self.replicas[name]
        found = self.wait(group.read(list(group.partitions), count, 1))

        assert [delivery.attempt for delivery in found] == [1] * len(found)
        return multiple(*((name, delivery) for delivery in found))

    @rule(what=consumes(held))
    def settle(self, what: tuple[str, Delivery]) -> None:
        """Also by a replica that lost its lease long ago."""
        name, delivery = what
        mine, fresh = self.holder_of(delivery) == name, delivery.events()[-1].version == 1
        append = Append(
            order_id=delivery.order_id,
            expected=delivery.events()[-1].version,
            events=[following(delivery.order_id, 2)] if fresh else [],
            entry_id=delivery.entry_id,
        )
        [settled] = self.wait(self.log.settle("router", name, [append]))
        if not fresh or delivery.order_id not in self.settled:
            assert settled == Settled("ok")
        else:
            assert settled.outcome == "moved"
            assert bool(settled.last) == mine
            if mine:
                self.wait(self.replicas[name].acknowledge([delivery]))
        if fresh:
            self.settled.add(delivery.order_id)

    @rule(what=consumes(held), counts=st.booleans())
    def retry_later(self, what: tuple[str, Delivery], counts: bool) -> None:
        name, delivery = what
        holder = self.holder_of(delivery)
        self.wait(self.replicas[name].retry_later([(delivery, delivery.attempt - 1 + counts)]))

        assert self.holder_of(delivery) == (RETRY if holder == name else holder)

    @rule(what=held)
    def renew(self, what: tuple[str, Delivery]) -> None:
        name, delivery = what
        # What was settled or handed back since is nobody's loss.
        taken = self.holder_of(delivery) in set(REPLICAS) - {name}
        lost = self.wait(self.replicas[name].renew([delivery], LEASE_MS))

        assert lost == (1 if taken else 0)

    @rule()
    def time_passes(self) -> None:
        """Every lease lapses, and every retry is due."""
        for partition in self.replicas["a"].partitions:
            stream = self.log.keys.stream(partition, "router")
            for name in (*self.replicas, RETRY):
                for entry_id in self.pending_of(name, partition):
                    claim = ("XCLAIM", stream, "router", name, 0, entry_id)
                    self.wait(self.log.client.call(*claim, "IDLE", 3 * LEASE_MS, "JUSTID"))

    @rule(target=held, name=st.sampled_from(REPLICAS))
    def take_over(self, name: str) -> Any:
        taken = self.wait(self.take(self.replicas[name]))

        assert taken.vanished == []
        return multiple(*((name, delivery) for delivery in taken.deliveries))

    @rule(target=held, _sleeper=held, thief=st.sampled_from(REPLICAS))
    def sleep_past_the_lease(self, _sleeper: tuple[str, Delivery], thief: str) -> Any:
        """Often enough that somebody acts on what is no longer theirs."""
        self.time_passes()
        return self.take_over(thief)

    async def take(self, group: Group) -> Claimed:
        return await group.claim(
            most=100, lease_ms=LEASE_MS, backoff_base_ms=LEASE_MS, backoff_cap_ms=2 * LEASE_MS
        )

    @rule(name=st.sampled_from(REPLICAS))
    def leave(self, name: str) -> None:
        self.wait(self.replicas[name].leave())

    def pending_of(self, name: str, partition: int) -> list[str]:
        stream = self.log.keys.stream(partition, "router")
        page = self.wait(self.log.client.call("XPENDING", stream, "router", "-", "+", 1_000, name))
        return [entry_id.decode() for entry_id, *_ in page]

    def holder_of(self, delivery: Delivery) -> str | None:
        names = (*self.replicas, RETRY)
        held = [n for n in names if delivery.entry_id in self.pending_of(n, delivery.partition)]
        return held[0] if held else None

    @invariant()
    def no_order_is_done_twice(self) -> None:
        versions = self.wait(self.log.versions(self.placed))
        assert versions == [2 if order_id in self.settled else 1 for order_id in self.placed]

    def teardown(self) -> None:
        try:
            self.nothing_is_lost()
        finally:
            super().teardown()

    def nothing_is_lost(self) -> None:
        """One replica that works can finish all that the others left behind."""
        worker = Group(self.log, "router", "worker")
        self.replicas["worker"] = worker
        self.wait(self.take(worker))
        while self.wait(unsettled(self.log, "router")):
            self.time_passes()
            given = self.wait(worker.read(list(worker.partitions), 100, 1))
            taken = self.wait(self.take(worker))
            found = [*given, *taken.deliveries]
            assert found
            for delivery in found:
                self.settle(("worker", delivery))

        assert self.settled == set(self.placed)


@pytest.mark.parametrize("model", [AppendModel, GroupModel])
def test_whatever_happens_the_server_does_as_the_model(
    settings: VenueSettings, model: type[OnRedis]
) -> None:
    machine = type(model.__name__, (model,), {"url": settings.redis_url})

    run_state_machine_as_test(machine, settings=FEW)
