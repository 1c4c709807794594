"""What is read of a traceparent, where it goes, and what log lines make of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from services.gateway.orders.cancel import withdraw
from shared.concurrency.coalescer import Coalescer
from shared.observability.log_context import about, subject
from shared.observability.logs import JsonLines
from shared.observability.tracing import trace_id_of, traceparent_in
from shared.orders.codec import decode, encode
from shared.orders.events import OrderEvent
from shared.orders.order import replay
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.step import Step
from tests.support.builders import NOON, SOON, history, submitted
from tests.support.walks import EVERY_KIND, an_event

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("flags", ["00", "01", "03", "ff"])
def test_a_traceparent_is_taken_as_it_is(flags: str) -> None:
    given = f"00-{TRACE}-{SPAN}-{flags}"

    assert traceparent_in([given]) == given


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (f"01-{TRACE}-{SPAN}-01", TRACEPARENT),
        (f"cc-{TRACE}-{SPAN}-03-what-the-future-brings", TRACEPARENT),
        (f"cc-{TRACE}-{SPAN}-02", f"00-{TRACE}-{SPAN}-00"),
    ],
)
def test_a_traceparent_of_a_later_version_is_rewritten_in_ours(given: str, read: str) -> None:
    assert traceparent_in([given]) == read


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ["nonsense"],
        [TRACEPARENT, TRACEPARENT],
        [f"ff-{TRACE}-{SPAN}-01"],
        [f"00-{'0' * 32}-{SPAN}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [TRACEPARENT.upper()],
        [f"{TRACEPARENT}-more"],
        [f"{TRACEPARENT}-"],
        [f"{TRACEPARENT}\n"],
        [f"cc-{TRACE}-{SPAN}-01more"],
        [TRACEPARENT[:-1]],
        [f" {TRACEPARENT}"],
        [TRACEPARENT.replace("4", "\N{ARABIC-INDIC DIGIT FOUR}")],
    ],
)
def test_what_is_no_traceparent_is_ignored(given: Sequence[str]) -> None:
    assert traceparent_in(given) is None


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_event_without_a_trace_has_no_field_for_it(kind: type[OrderEvent]) -> None:
    raw = encode(an_event(kind))

    assert b"traceparent" not in raw


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_event_keeps_its_trace_and_hands_it_on(kind: type[OrderEvent]) -> None:
    event = msgspec.structs.replace(an_event(kind), traceparent=TRACEPARENT)

    assert decode(encode(event)) == event
    assert event.next(SOON)["traceparent"] == TRACEPARENT


@pytest.mark.parametrize("ending", ["pending", "sent"])
def test_a_wish_to_cancel_is_in_the_orders_trace(ending: str) -> None:
    events = history(ending=ending)  # type: ignore[arg-type] # One of the endings that there are.
    events[0] = msgspec.structs.replace(events[0], traceparent=TRACEPARENT)
    order = replay(events)
    assert order

    wish = withdraw(order, SOON)
    assert wish
    assert wish.traceparent == TRACEPARENT


def test_a_trace_that_somebody_wrote_by_hand_is_none() -> None:
    assert trace_id_of("nonsense") == ""


def logged(extra: Mapping[str, object] | None = None) -> dict[str, str]:
    """Return the ids in a line that is logged here and now."""
    record = logging.getLogger().makeRecord(
        "here", logging.INFO, __file__, 1, "it is so", (), None, extra=extra
    )
    line: dict[str, str] = json.loads(JsonLines().format(record))
    return {name: text for name, text in line.items() if name.endswith("_id")}


EVENT = msgspec.structs.replace(submitted(at=NOON), traceparent=TRACEPARENT)
DELIVERY = Delivery(
    partition=3,
    entry_id="1-0",
    type="OrderSubmitted",
    order_id=EVENT.order_id,
    raw=encode(EVENT),
    attempt=1,
)
IDS = {"order_id": EVENT.order_id, "event_id": f"{EVENT.order_id}:1", "trace_id": TRACE}


@pytest.mark.parametrize("what", [EVENT, DELIVERY, Step(DELIVERY, EVENT, 1)])
async def test_a_line_names_what_its_task_works_on(what: OrderEvent | Delivery | Step) -> None:
    assert logged() == {}

    subject.set(what)

    assert logged() == IDS


async def test_a_line_about_something_else_names_that() -> None:
    subject.set(EVENT)

    assert logged(about("another")) == {"order_id": "another"}


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b"5", b'{"version":"x"}'])
async def test_a_line_about_what_cannot_be_read_names_what_is_known(raw: bytes) -> None:
    unreadable = Delivery(partition=3, entry_id="1-0", type="", order_id="a", raw=raw, attempt=1)

    assert logged(about(unreadable)) == {"order_id": "a"}


async def test_what_serves_many_names_none_of_those_that_it_serves() -> None:
    lines = []

    async def flush(items: list[int]) -> list[int]:
        lines.append(logged())
        return items

    subject.set(EVENT)
    await Coalescer(flush)(1)

    assert lines == [{}]
    assert logged() == IDS


async def test_tasks_side_by_side_name_each_its_own() -> None:
    async def work(name: str) -> dict[str, str]:
        subject.set(name)
        await asyncio.sleep(0)
        return logged()

    lines = await asyncio.gather(work("a"), work("b"))

    assert [*lines] == [{"order_id": "a"}, {"order_id": "b"}]
