"""Check what clients were told: answers and updates. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from shared.orders.states import END_STATUSES, Status
from tests.chaos.records import Connection
from tests.chaos.run import ACCEPTED, Run, Violation
from tests.chaos.wishes import is_nameless, key_of

CANCELLED, UNAVAILABLE, UNKNOWN = 200, 503, 504
# What a client must be ready for. 0 is a connection that broke.
_HONEST = {
    "place": {0, ACCEPTED, UNAVAILABLE, UNKNOWN},
    "cancel": {0, CANCELLED, 409, UNAVAILABLE},
    "follow": {0, UNAVAILABLE},
}
_ENDED = 1000


def answers_are_honest(run: Run) -> Iterator[Violation]:
    """Find answers that no client has to be ready for: 404 to an order that was taken, or 500."""
    for answer in run.answers:
        too_late = answer.late and answer.code == "INVALID_ORDER"
        if answer.status not in _HONEST[answer.asked] and not too_late:
            detail = f"{answer.asked} was answered with {answer.status} {answer.code}"
            yield Violation("answers are honest", answer.order_id or "", detail)


def keys_name_one_order(run: Run) -> Iterator[Violation]:
    """Find keys that stand for two orders, and orders that nobody asked for."""
    asked = {answer.key for answer in run.answers if answer.asked == "place"}
    named: dict[str, set[str]] = defaultdict(set)
    for answer in run.answers:
        if answer.asked == "place" and answer.status == ACCEPTED and answer.order_id:
            named[answer.key].add(answer.order_id)
    for order_id, story in run.stories.items():
        if not story.order:
            continue
        key = key_of(story.order)
        if key in asked:
            named[key].add(order_id)
        else:
            yield Violation("one order a key", order_id, "nobody asked for it")
    for key, order_ids in named.items():
        if len(order_ids) > 1:
            detail = f"key {key} stands for {len(order_ids)} orders"
            yield Violation("one order a key", min(order_ids), detail)


def requests_swap_once(run: Run) -> Iterator[Violation]:
    """Find requests for one order without a name that landed as two, whatever was answered."""
    landed = {swap.order_id for swap in run.swapped}
    for key, order_ids in _made_by_requests(run).items():
        swapped = order_ids & landed
        if len(swapped) > 1:
            detail = f"the request for {key} landed as {len(swapped)} orders"
            yield Violation("one swap", min(swapped), detail)


def refused_is_not_written(run: Run) -> Iterator[Violation]:
    """Find orders without a name that are kept though their client was told that they are not."""
    made = _made_by_requests(run)
    for answer in run.answers:
        if answer.asked == "place" and answer.status == UNAVAILABLE:
            for order_id in made.get(answer.key, ()):
                detail = f"the request for {answer.key} was answered with {answer.status}"
                yield Violation("503 writes nothing", order_id, detail)


def doubt_names_the_order(run: Run) -> Iterator[Violation]:
    """Find orders without a name that are kept under another id than the one to ask about."""
    made = _made_by_requests(run)
    for answer in run.answers:
        if answer.asked == "place" and answer.status == UNKNOWN:
            for order_id in made.get(answer.key, set()) - {answer.order_id}:
                detail = f"its client was told to ask about {answer.order_id}"
                yield Violation("504 names the order", order_id, detail)


def _made_by_requests(run: Run) -> dict[str, set[str]]:
    """Return which orders each request made, of those that ask for one without a name."""
    made: dict[str, set[str]] = defaultdict(set)
    for order_id, story in run.stories.items():
        if story.order and is_nameless(key := key_of(story.order)):
            made[key].add(order_id)
    return made


def cancelled_is_cancelled(run: Run) -> Iterator[Violation]:
    """Find orders that a client was told are cancelled, and that are not."""
    for answer in run.answers:
        if answer.asked == "cancel" and answer.status == CANCELLED and answer.order_id:
            order = run.story(answer.order_id).order
            was = order.status if order else "unknown"
            if was != Status.CANCELLED or answer.told != Status.CANCELLED:
                detail = f"its client was told {answer.told}, it is {was}"
                yield Violation("cancelled is cancelled", answer.order_id, detail)


def updates_have_no_gap(run: Run) -> Iterator[Violation]:
    """Find clients that missed an event, heard one twice, or did not hear of the end."""
    heard: dict[str, int] = {}
    for connection in run.connections:
        order_id, versions = connection.order_id, [told.version for told in connection.told]
        if versions != [connection.since + 1 + place for place in range(len(versions))]:
            detail = f"since version {connection.since} it was told {versions}"
            yield Violation("no missed update", order_id, detail)
        heard[order_id] = max([heard.get(order_id, 0), *versions])
        if connection.closed == _ENDED and not _is_over(run, order_id, heard[order_id]):
            detail = f"closed as ended after version {heard[order_id]}"
            yield Violation("no missed update", order_id, detail)
    for order_id in sorted(run.accepted()):
        if not _is_over(run, order_id, heard.get(order_id, 0)):
            detail = f"heard of up to version {heard.get(order_id, 0)} only"
            yield Violation("no missed update", order_id, detail)


def _is_over(run: Run, order_id: str, version: int) -> bool:
    return run.story(order_id).status_at(version) in END_STATUSES


def streams_have_no_gap(run: Run) -> Iterator[Violation]:
    """Find events that a follower of all orders missed, heard twice, out of order, or untrue."""
    if not run.streams:
        return
    heard: dict[str, list[int]] = defaultdict(list)
    for stream in run.streams:
        for why in stream.lost:
            yield Violation("no lost history", "", f"told to be lost: {why}")
        for told in stream.told:
            heard[told.order_id].append(told.version)
            if told.status != (was := run.story(told.order_id).status_at(told.version)):
                detail = f"version {told.version} was streamed as {told.status} and is {was}"
                yield Violation("updates are true", told.order_id, detail)
    for order_id in sorted({*run.stories, *heard}):
        if heard[order_id] != list(run.story(order_id).versions):
            detail = f"streamed as {heard[order_id]}, has {run.story(order_id).versions}"
            yield Violation("no missed update", order_id, detail)


def updates_are_true(run: Run) -> Iterator[Violation]:
    """Find updates, ends above all, that are not what Postgres says."""
    for connection in run.connections:
        yield from _untrue(run, connection)


def _untrue(run: Run, connection: Connection) -> Iterator[Violation]:
    story = run.story(connection.order_id)
    for told in connection.told:
        was = story.status_at(told.version)
        if told.status != was:
            detail = f"version {told.version} was told as {told.status} and is {was}"
            yield Violation("updates are true", connection.order_id, detail)


CHECKS = (
    answers_are_honest,
    keys_name_one_order,
    requests_swap_once,
    refused_is_not_written,
    doubt_names_the_order,
    cancelled_is_cancelled,
    updates_have_no_gap,
    streams_have_no_gap,
    updates_are_true,
)
