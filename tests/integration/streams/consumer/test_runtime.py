"""The consumer runtime, on a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from shared.errors import ServerAway
from shared.orders.dispatch import GROUPS
from shared.orders.events import OrderEvent, OrderFailed, RoutingStarted
from shared.orders.values import FailureReason
from shared.settings import VenueSettings
from shared.streams.consumer.backlog import backlog_of
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import RETRY, Group
from shared.streams.consumer.handler import Next, Park
from shared.streams.errors import HistoryMissing
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from shared.streams.recovery.dead_letters import dead_letters, replay
from tests.support.builders import NOON, an_intent, history, submitted
from tests.support.eventually import eventually
from tests.support.outcomes import members
from tests.support.replicas import (
    Scripted,
    events_of,
    park,
    place_history,
    placed,
    running,
    types_of,
    unsettled,
    working,
)


def routing(event: OrderEvent) -> Next:
    return [RoutingStarted(**event.next(NOON), intent=an_intent())]


def failed(event: OrderEvent, why: str) -> Next:
    return [
        OrderFailed(
            **event.next(NOON), reason=FailureReason.RETRIES_EXHAUSTED, detail=why, attempts=0
        )
    ]


async def answers(event: OrderEvent) -> Next:
    return routing(event)


async def is_settled(log: Log, group: str = "router") -> bool:
    return await unsettled(log, group) == 0


async def test_a_slow_step_does_not_hold_up_the_others_of_its_batch(
    log: Log, settings: VenueSettings
) -> None:
    slow = submitted()
    proceed = asyncio.Event()

    async def do(event: OrderEvent) -> Next:
        if event.order_id == slow.order_id:
            await proceed.wait()
        return routing(event)

    quick = [await placed(log, event) for event in (slow, *(submitted() for _ in range(9)))][1:]
    async with running(log, "router", Scripted(do), settings):

        async def others_done() -> bool:
            return all(v == 2 for v in await log.versions([event.order_id for event in quick]))

        await eventually(others_done)
        assert await log.versions([slow.order_id]) == [1]

        proceed.set()
        await eventually(lambda: is_settled(log))

    assert await types_of(log, slow.order_id) == ["OrderSubmitted", "RoutingStarted"]


async def test_a_step_that_fails_waits_once_and_then_twice_as_long(
    log: Log, settings: VenueSettings
) -> None:
    tried: list[float] = []

    async def do(event: OrderEvent) -> Next:
        tried.append(time.monotonic())
        if len(tried) < 3:
            raise RuntimeError("not now")
        return routing(event)

    quick = settings.model_copy(update={"backoff_base_ms": 200})
    async with running(log, "router", Scripted(do), quick):
        order = await placed(log)
        await eventually(lambda: is_settled(log))

    first, second = tried[1] - tried[0], tried[2] - tried[1]
    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]
    assert first >= 0.2
    assert second >= 0.4


async def test_after_the_last_attempt_the_step_is_given_up_visibly(
    log: Log, settings: VenueSettings
) -> None:
    tried = []

    async def do(event: OrderEvent) -> Next:
        tried.append(event)
        raise RuntimeError("never")

    async with running(log, "router", Scripted(do, gave_up=failed), settings):
        order = await placed(log)
        await eventually(lambda: is_settled(log))

    assert len(tried) == settings.max_attempts
    assert await types_of(log, order.order_id) == ["OrderSubmitted", "OrderFailed"]


async def test_a_server_that_is_away_is_never_an_attempt(log: Log, settings: VenueSettings) -> None:
    tried = []

    async def do(event: OrderEvent) -> Next:
        tried.append(event)
        if len(tried) < 3 * settings.max_attempts:
            raise ServerAway("nobody there")
        return routing(event)

    quick = settings.model_copy(update={"backoff_base_ms": 10})
    async with running(log, "router", Scripted(do, gave_up=failed), quick):
        order = await placed(log)
        await eventually(lambda: is_settled(log))

    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]


async def test_a_malformed_entry_is_a_dead_letter_and_stops_nobody(
    log: Log, settings: VenueSettings
) -> None:
    for event in (b"{not json", b'{"type":"OrderSubmitted"}', b"[" * 100_000):
        fields = ("type", "OrderSubmitted", "order", "?", "event", event)
        await log.client.call("XADD", log.keys.stream(0, "router"), "*", *fields)
    await log.client.call("XADD", log.keys.stream(0, "router"), "*", "something", "else")
    await log.client.call("XADD", log.keys.stream(0, "router"), "*", "only", b"\xff")

    async with running(log, "router", Scripted(answers), settings):
        order = await placed(log)
        await eventually(lambda: is_settled(log))

    letters = await dead_letters(log)
    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]
    assert [letter.group for letter in letters] == ["router"] * 3
    assert b"{not json" in {letter.raw for letter in letters}


async def test_a_dead_letter_is_replayed_once_and_only_to_the_group_that_gave_up(
    log: Log, settings: VenueSettings
) -> None:
    fields = ("type", "OrderSubmitted", "order", "?", "event", b"{not json")
    await log.client.call("XADD", log.keys.log(0), "*", *fields)
    seen: dict[str, list[str]] = {"notifier": [], "projector": []}

    async def refuse(batch: Sequence[Delivery]) -> None:
        seen["projector"] += [delivery.entry_id for delivery in batch]
        for delivery in batch:
            delivery.events()

    async def take(batch: Sequence[Delivery]) -> None:
        seen["notifier"] += [delivery.entry_id for delivery in batch]

    giving_up, other = Group(log, "projector", "one"), Group(log, "notifier", "two")
    refusing = Batches(giving_up, refuse, settings, hold=True)
    taking = Batches(other, take, settings, hold=False)
    async with working(giving_up, refusing, settings), working(other, taking, settings):
        [letter] = await eventually(lambda: dead_letters(log))
        assert await replay(log, letter.id)
        assert not await replay(log, letter.id)
        await eventually(lambda: dead_letters(log))
        await eventually(lambda: is_settled(log, "notifier"))

    assert len(seen["projector"]) == 2
    assert len(seen["notifier"]) == 1


async def test_entries_gather_between_two_reads_and_are_handled_together(
    log: Log, settings: VenueSettings
) -> None:
    batches: list[int] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        batches.append(len(batch))

    group, loop = Group(log, "projector", "one"), asyncio.get_running_loop()
    worker = Batches(group, handle, settings, hold=True)
    began = int(loop.time())
    async with working(group, worker, settings, read_every_ms=1_000):
        await placed(log)
        await eventually(lambda: batches)  # The first one waits for nobody.
        for _ in range(50):
            await placed(log)
        await eventually(lambda: sum(batches) == 51)
        seconds = int(loop.time()) - began + 1

    assert batches[0] == 1
    assert len(batches) <= 1 + seconds  # One a second at most, however many there were.


class Sieve:
    """Keeps everything but ends, until it is told to let go."""

    most = 100

    def __init__(self) -> None:
        self.kept: list[Delivery] = []
        self.lets_go = False

    def take(self, came: Sequence[Delivery], _now_s: float) -> list[Delivery]:
        self.kept += came
        ends = any(delivery.type == "OrderConfirmed" for delivery in came)
        return self.rest() if ends or self.lets_go else []

    def rest(self) -> list[Delivery]:
        kept, self.kept = self.kept, []
        return kept


async def test_what_a_sift_keeps_is_handled_together_with_what_it_takes_later(
    log: Log, settings: VenueSettings
) -> None:
    batches: list[list[str]] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        batches.append([delivery.type for delivery in batch])

    first, *following = history(ending="confirmed")
    sieve, group = Sieve(), Group(log, "projector", "one")
    worker = Batches(group, handle, settings, hold=True, hold_back=sieve)
    async with working(group, worker, settings):
        await place_history(log, [first])
        await eventually(lambda: sieve.kept)
        assert await unsettled(log, "projector") == 1
        append = Append(order_id=first.order_id, expected=1, events=following)
        await log.append("", [append])
        await eventually(lambda: is_settled(log, "projector"))

    assert batches == [["OrderSubmitted", "OrderConfirmed"]]


@asynccontextmanager
async def keeping_one(
    log: Log, settings: VenueSettings, handled: list[Delivery]
) -> AsyncIterator[Sieve]:
    """Run a replica whose hold_back keeps the one entry there is; yield that."""

    async def handle(batch: Sequence[Delivery]) -> None:
        handled.extend(batch)

    sieve, group = Sieve(), Group(log, "projector", "one")
    worker = Batches(group, handle, settings, hold=True, hold_back=sieve)
    async with working(group, worker, settings):
        await placed(log)
        await eventually(lambda: sieve.kept)
        yield sieve


async def test_what_a_sift_lets_go_is_handled_though_nothing_comes(
    log: Log, settings: VenueSettings
) -> None:
    handled: list[Delivery] = []
    async with keeping_one(log, settings, handled) as sieve:
        sieve.lets_go = True
        await eventually(lambda: is_settled(log, "projector"))

        assert len(handled) == 1


async def test_who_is_told_to_stop_handles_what_a_sift_kept(
    log: Log, settings: VenueSettings
) -> None:
    handled: list[Delivery] = []
    async with keeping_one(log, settings, handled):
        assert not handled

    assert len(handled) == 1
    assert await is_settled(log, "projector")


async def test_what_a_sift_keeps_keeps_its_lease(log: Log, settings: VenueSettings) -> None:
    batches: list[int] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        batches.extend(delivery.attempt for delivery in batch)

    short = settings.model_copy(update={"lease_ms": 300})
    sieve, group = Sieve(), Group(log, "projector", "one")
    keeping = Batches(group, handle, short, hold=True, hold_back=sieve)
    async with working(group, keeping, short):
        order = await placed(log)
        await eventually(lambda: sieve.kept)
        for _ in range(3):
            await lease_is_renewed(log, "projector", order.order_id)

    assert batches == [1]


async def lease_is_renewed(log: Log, group: str, order_id: str) -> None:
    """Return once the entry of the one order there is gets young again by no new delivery."""
    stream = log.keys.stream(log.keys.partition_of(order_id), group)

    async def look() -> tuple[int, int]:
        [[_, _, idle_ms, deliveries]] = await log.client.call(
            "XPENDING", stream, group, "-", "+", 1
        )
        return idle_ms, deliveries

    was = await look()

    async def renewed() -> bool:
        nonlocal was
        before, was = was, await look()
        return was[0] < before[0] and was[1] == before[1]

    await eventually(renewed, every_s=0.001)


async def test_a_reader_that_waits_only_after_many_entries_does_not_wait_after_few(
    log: Log, settings: VenueSettings
) -> None:
    handled: list[str] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        handled.extend(delivery.entry_id for delivery in batch)

    group = Group(log, "notifier", "one")
    worker = Batches(group, handle, settings, hold=False)
    async with working(group, worker, settings, read_every_ms=3_600_000, from_entries=2):
        await placed(log)
        await eventually(lambda: len(handled) == 1)
        await place_history(log, history(ending="confirmed"))
        await eventually(lambda: len(handled) >= 2)


async def test_what_is_appended_together_is_one_entry_with_all_its_events(
    log: Log, settings: VenueSettings
) -> None:
    seen: list[list[OrderEvent]] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        seen.extend(delivery.events() for delivery in batch)

    first, *following = history(ending="confirmed")
    await place_history(log, [first, *following])
    group = Group(log, "notifier", "one")
    worker = Batches(group, handle, settings, hold=False)
    async with working(group, worker, settings):
        await eventually(lambda: len(seen) == 2)

    assert seen == [[first], following]
    assert await events_of(log, first.order_id) == [first, *following]


async def test_where_more_waits_than_is_read_at_once_nothing_waits_for_the_next_read(
    log: Log, settings: VenueSettings
) -> None:
    handled: list[str] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        handled.extend(delivery.entry_id for delivery in batch)

    event, *following = history(ending="confirmed")
    await place_history(log, [event])
    for version, event in enumerate(following, 1):
        append = Append(order_id=event.order_id, expected=version, events=[event])
        assert await log.append("", [append]) == ["ok"]
    group = Group(log, "projector", "one")
    batch = 2 * log.keys.partitions
    worker = Batches(group, handle, settings, hold=True, batch=batch)
    async with working(group, worker, settings, read_every_ms=3_600_000):
        await eventually(lambda: len(handled) == 1 + len(following))
        await eventually(lambda: is_settled(log, "projector"))

    assert len(set(handled)) == 1 + len(following) > 2


async def test_an_entry_of_a_replica_that_went_quiet_is_taken_over(
    log: Log, settings: VenueSettings
) -> None:
    order = await placed(log)
    dead = Group(log, "router", "dead")
    assert await dead.read(list(dead.partitions), 10, 10)

    async with running(log, "router", Scripted(answers), settings):
        await eventually(lambda: is_settled(log))

    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]


async def test_long_work_keeps_its_lease(log: Log, settings: VenueSettings) -> None:
    tried = []
    proceed = asyncio.Event()

    async def do(event: OrderEvent) -> Next:
        tried.append(event)
        await proceed.wait()
        return routing(event)

    short = settings.model_copy(update={"lease_ms": 300})
    async with running(log, "router", Scripted(do), short):
        order = await placed(log)
        await eventually(lambda: tried)
        for _ in range(3):
            await lease_is_renewed(log, "router", order.order_id)
        proceed.set()
        await eventually(lambda: is_settled(log))

    assert len(tried) == 1


async def test_a_zombie_that_wakes_up_late_adds_nothing(log: Log, settings: VenueSettings) -> None:
    order = await placed(log)
    zombie = Group(log, "router", "zombie")
    [delivery] = await zombie.read(list(zombie.partitions), 10, 10)
    async with running(log, "router", Scripted(answers), settings):
        await eventually(lambda: is_settled(log))

    late = Append(
        order_id=order.order_id,
        expected=1,
        events=list(failed(order, "late")),  # type: ignore[arg-type] # never parked
        entry_id=delivery.entry_id,
    )
    outcome = await log.append("router", [late])
    await zombie.retry_later([(delivery, 1)])
    await zombie.renew([delivery], 1_000)

    assert outcome == ["moved"]
    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]
    assert await is_settled(log)


async def test_a_replica_that_leaves_hands_back_what_it_holds_without_counting_it(
    log: Log, settings: VenueSettings
) -> None:
    holding = asyncio.Event()

    async def hang(_event: OrderEvent) -> Next:
        holding.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    order = await placed(log)
    hurried = settings.model_copy(update={"drain_s": 0.1})
    async with running(log, "router", Scripted(hang), hurried) as gone:
        await holding.wait()

    stream = log.keys.stream(log.keys.partition_of(order.order_id), "router")
    page = await log.client.call("XPENDING", stream, "router", "-", "+", 10)
    consumers = await log.client.call("XINFO", "CONSUMERS", stream, "router")
    assert [(owner.decode(), deliveries) for _, owner, _, deliveries in page] == [(RETRY, 0)]
    assert gone.me.encode() not in {fields[1] for fields in consumers}


async def test_sweeping_takes_the_names_of_the_dead_and_keeps_their_entries(
    log: Log, settings: VenueSettings
) -> None:
    order = await placed(log)
    dead, alive = Group(log, "router", "dead"), Group(log, "router", "alive")
    await dead.read(list(dead.partitions), 10, 10)

    assert await alive.reap(idle_ms=60_000) == []
    assert await alive.reap(idle_ms=0) == ["dead"]
    async with running(log, "router", Scripted(answers), settings):
        await eventually(lambda: is_settled(log))

    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]


async def test_entries_whose_delivery_was_lost_on_the_way_are_adopted_as_new(
    log: Log, settings: VenueSettings
) -> None:
    order = await placed(log)
    me = Group(log, "router", "me")
    [lost] = await me.read(list(me.partitions), 10, 10)

    [adopted] = await me.recover_own(held=())

    assert (adopted.order_id, adopted.attempt) == (order.order_id, 1)
    assert await me.recover_own(held={lost.place}) == []


async def test_a_group_that_somebody_deleted_is_made_anew_from_the_start(
    log: Log, settings: VenueSettings
) -> None:
    async with running(log, "router", Scripted(answers), settings):
        for partition in range(log.keys.partitions):
            await log.client.call("XGROUP", "DESTROY", log.keys.log(partition), "router")
        order = await placed(log)

        async def routed() -> bool:
            return len(await types_of(log, order.order_id)) == 2

        await eventually(routed)


async def test_a_parked_order_holds_no_entry_and_comes_back_when_due(
    log: Log, settings: VenueSettings
) -> None:
    asked = []

    async def do(event: OrderEvent) -> Next:
        asked.append(event)
        return Park(100) if len(asked) < 3 else routing(event)

    async with running(log, "router", Scripted(do), settings):
        order = await placed(log)
        await eventually(lambda: asked)
        await eventually(lambda: is_settled(log))

        async def routed() -> bool:
            return len(await types_of(log, order.order_id)) == 2

        await eventually(routed)

        async def nothing_parked() -> bool:
            return sum(part.parked for part in await backlog_of(log, "router")) == 0

        await eventually(nothing_parked)

    assert len(asked) == 3


async def test_a_parked_order_survives_the_death_of_who_took_it_up(
    log: Log, settings: VenueSettings
) -> None:
    order = await placed(log)
    dying = Group(log, "router", "dying")
    [delivery] = await dying.read(list(dying.partitions), 10, 10)
    park = Append(order_id=order.order_id, expected=1, entry_id=delivery.entry_id, park_ms=0)
    await log.append("router", [park])

    async def take() -> list[Delivery]:
        bounds = {"lease_ms": 200, "backoff_base_ms": 50, "backoff_cap_ms": 1_000}
        return (await dying.claim(most=10, **bounds)).deliveries

    [due] = await eventually(take)
    assert due.order_id == order.order_id

    short = settings.model_copy(update={"lease_ms": 200})
    async with running(log, "router", Scripted(answers), short):

        async def routed() -> bool:
            return len(await types_of(log, order.order_id)) == 2

        await eventually(routed)


async def parked_orders(log: Log) -> int:
    return sum(part.parked for part in await backlog_of(log, "router"))


async def test_a_step_that_comes_too_late_does_not_take_an_order_off_the_parking(
    log: Log, settings: VenueSettings
) -> None:
    order = await placed(log)
    started = RoutingStarted(**order.next(NOON), intent=an_intent())
    step = Append(order_id=order.order_id, expected=1, events=[started], unpark=True)
    await log.append("router", [step])
    await park(log, "router", order.order_id, 60_000)

    outcome = await log.append("router", [step])

    assert outcome == ["moved"]
    assert await parked_orders(log) == 1


async def test_a_parking_that_comes_again_after_the_turn_is_over_parks_nothing(log: Log) -> None:
    order = await placed(log)
    group = Group(log, "router", "me")
    [delivery] = await group.read(list(group.partitions), 10, 10)
    first = Append(order_id=order.order_id, expected=1, entry_id=delivery.entry_id, park_ms=0)
    again = Append(order_id=order.order_id, expected=1, park_ms=0)
    done = Append(order_id=order.order_id, expected=1, unpark=True)

    parked = []
    for step in (first, again, done, first, again):
        assert await log.append("router", [step]) == ["ok"]
        parked.append(await parked_orders(log))

    assert parked == [1, 1, 0, 0, 0]


async def test_a_parked_order_that_was_moved_on_elsewhere_is_taken_off_the_parking(
    log: Log, settings: VenueSettings
) -> None:
    order = await placed(log)
    started = RoutingStarted(**order.next(NOON), intent=an_intent())
    await park(log, "router", order.order_id, 0)
    await log.append("router", [Append(order_id=order.order_id, expected=1, events=[started])])

    async with running(log, "router", Scripted(answers), settings):

        async def nothing_parked() -> bool:
            return await parked_orders(log) == 0

        await eventually(nothing_parked)

    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]


async def test_a_step_without_history_is_kept_unless_the_archive_has_its_end(
    log: Log, settings: VenueSettings
) -> None:
    kept, gone = await placed(log), await placed(log)
    await log.client.call("DEL", log.keys.history(kept.order_id))
    await log.client.call("DEL", log.keys.history(gone.order_id))

    async def ended(order_ids: Sequence[str]) -> set[str]:
        return {gone.order_id} & set(order_ids)

    async with running(log, "router", Scripted(answers), settings, ended):

        async def one_left() -> bool:
            return await unsettled(log, "router") == 1

        await eventually(one_left)

    assert await log.versions([kept.order_id, gone.order_id]) == [0, 0]


@pytest.mark.parametrize(("archived", "alarming"), [(True, False), (False, True)])
async def test_a_history_that_is_missing_is_alarming_unless_the_archive_has_the_end(
    log: Log, settings: VenueSettings, archived: bool, alarming: bool
) -> None:
    order = await placed(log)
    await log.client.call("DEL", log.keys.history(order.order_id))
    before = settled("missing"), settled("archived")

    async def ended(order_ids: Sequence[str]) -> set[str]:
        return set(order_ids) if archived else set()

    async with running(log, "router", Scripted(answers), settings, ended):
        await eventually(lambda: (settled("missing"), settled("archived")) != before)

    assert (settled("missing") > before[0]) == alarming
    assert (settled("archived") > before[1]) == archived


def settled(outcome: str) -> float:
    labels = {"group": "router", "outcome": outcome}
    return REGISTRY.get_sample_value("slipstream_settled_total", labels) or 0.0


async def test_a_step_that_finds_no_history_waits_for_it_and_has_not_been_tried(
    log: Log, settings: VenueSettings
) -> None:
    """Though the history is back by the time the step is settled."""
    tries = 0

    async def do(event: OrderEvent) -> Next:
        nonlocal tries
        tries += 1
        if tries <= 2 * settings.max_attempts:
            raise HistoryMissing("a server that lost it has it again")
        return routing(event)

    order = await placed(log)
    async with running(log, "router", Scripted(do, gave_up=failed), settings):
        await eventually(lambda: is_settled(log))

    assert await types_of(log, order.order_id) == ["OrderSubmitted", "RoutingStarted"]


async def test_nothing_is_trimmed_that_a_group_has_not_settled(
    log: Log, settings: VenueSettings
) -> None:
    for _ in range(200):
        await place_history(log, history(ending="confirmed"))
    groups = [Group(log, name, "me") for name in GROUPS]
    for group in groups:
        while found := await group.read(list(group.partitions), 100, 10):
            if group.name != "projector":
                await group.acknowledge(found)

    await log.trim()
    before = await length(log)
    held = await groups[-1].recover_own(held=())
    await groups[-1].acknowledge(held)
    await log.trim()

    assert before == 400
    assert await length(log) < 200


async def length(log: Log) -> int:
    streams = [log.keys.log(partition) for partition in range(log.keys.partitions)]
    return sum([await log.client.call("XLEN", stream) for stream in streams])


async def test_a_stopped_consumer_that_holds_nothing_waits_for_nothing(
    log: Log, settings: VenueSettings
) -> None:
    """It would be left waiting for an hour."""
    patient = settings.model_copy(update={"drain_s": 3_600})
    async with running(log, "router", Scripted(answers), patient) as gone:
        await placed(log)
        await eventually(lambda: is_settled(log))

    assert gone.me not in await members(log, "router")


async def test_events_a_service_does_not_handle_are_settled_all_the_same(
    log: Log, settings: VenueSettings
) -> None:
    await place_history(log, history(ending="confirmed"))

    async with running(log, "executor", Scripted(answers, handles=()), settings):
        await eventually(lambda: is_settled(log, "executor"))
