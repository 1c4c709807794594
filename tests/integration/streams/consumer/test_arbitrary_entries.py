"""Whatever stands in a stream, a group reads on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.orders.codec import MalformedEvent, decode, encode
from shared.orders.events import EVENT_TYPES, OrderEvent
from shared.settings import VenueSettings
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.log.log import Log
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.outcomes import all_ended
from tests.support.replicas import a_router, an_executor, events_of, placed, running, working
from tests.support.walks import EVERY_KIND, an_event

# Real events with a few bytes changed go deeper than noise does.
EVENTS = [encode(event) for event in history()] + [encode(an_event(kind)) for kind in EVERY_KIND]


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(EVENTS)))
    for _ in range(draw(st.integers(1, 5))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))])


@st.composite
def entries(draw: st.DrawFn) -> list[bytes]:
    """Return an entry's fields and values; the fields are ours, or not."""
    names = st.sampled_from([b"type", b"order", b"event", b"only"]) | st.binary(max_size=8)
    kinds = st.sampled_from(sorted(EVENT_TYPES)).map(str.encode)
    values = kinds | st.binary(max_size=40) | spoilt()
    fields = draw(st.lists(st.tuples(names, values), min_size=1, max_size=8))
    return [part for pair in fields for part in pair]


@given(st.binary() | spoilt())
def test_any_bytes_are_an_event_or_malformed(raw: bytes) -> None:
    try:
        event = decode(raw)
    except MalformedEvent:
        return

    assert decode(encode(event)) == event


@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(entries(), min_size=1, max_size=20))
async def test_groups_that_meet_arbitrary_entries_go_on_with_the_next(
    log: Log, settings: VenueSettings, strange: list[list[bytes]]
) -> None:
    seen: list[OrderEvent] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        for delivery in batch:
            seen.extend(delivery.events())

    notifier = Group(log, "notifier", "one")
    await log.client.run(
        [
            ("XADD", log.keys.log(number % log.keys.partitions), "*", *fields)
            for number, fields in enumerate(strange)
        ]
    )
    order = await placed(log)
    async with AsyncExitStack() as stack:
        for name, handler in (
            ("router", a_router(log, settings)),
            ("executor", an_executor(log, settings)),
        ):
            await stack.enter_async_context(running(log, name, handler, settings))
        worker = Batches(notifier, handle, settings, hold=False)
        await stack.enter_async_context(working(notifier, worker, settings))

        await eventually(lambda: all_ended(log, [order.order_id]))
        told = await events_of(log, order.order_id)
        await eventually(
            lambda: (
                {e.version for e in seen if e.order_id == order.order_id}
                == {event.version for event in told}
            )
        )
