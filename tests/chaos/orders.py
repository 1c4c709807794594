"""Check what became of the orders: in the archive, in Redis, on the chain, in the table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.orders.codec import MalformedEvent, decode
from shared.orders.contradictions import rolled_back
from shared.orders.events import (
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    OrderFailed,
    OutcomeContradicted,
    TransactionSigned,
)
from shared.orders.order import Order
from shared.orders.states import State
from tests.chaos.records import Row
from tests.chaos.run import Run, Story, Violation

_UNKNOWN = (None, (None, None))
_ENDS = (OrderConfirmed, OrderFailed, OrderCancelled, OrderExpired)


def accepted_is_kept(run: Run) -> Iterator[Violation]:
    """Find orders that were answered with 202 and are lost."""
    for order_id in sorted(run.accepted() - run.stories.keys()):
        yield Violation("accepted is kept", order_id, "it is not in the archive")


def versions_are_counted(run: Run) -> Iterator[Violation]:
    """Find versions other than 1 to n, in the archive and in Redis."""
    for order_id, story in run.stories.items():
        yield from _unless_counted("the archive", order_id, story.versions)
    for order_id, listed in run.listed.items():
        try:
            versions = [decode(event.encode()).version for event in listed.events]
        except MalformedEvent as error:
            yield Violation("versions are 1 to n", order_id, f"unreadable in Redis: {error}")
        else:
            yield from _unless_counted("Redis", order_id, versions)


def _unless_counted(where: str, order_id: str, versions: Sequence[int]) -> Iterator[Violation]:
    if list(versions) != list(range(1, len(versions) + 1)):
        yield Violation("versions are 1 to n", order_id, f"in {where} they are {list(versions)}")


def archive_is_the_log(run: Run) -> Iterator[Violation]:
    """Find orders of which Postgres and Redis do not tell the same."""
    for order_id, listed in run.listed.items():
        if run.story(order_id).raws != listed.events:
            yield Violation("the archive is the log", order_id, "they differ")


def histories_are_legal(run: Run) -> Iterator[Violation]:
    """Find histories that the lifecycle does not allow."""
    for order_id, story in run.stories.items():
        if story.order is None:
            yield Violation("histories are legal", order_id, story.wrong)


def ends_are_one(run: Run) -> Iterator[Violation]:
    """Find orders that did not end, or more than once."""
    for order_id, story in run.stories.items():
        ends = [type(event).__name__ for event in story.events if isinstance(event, _ENDS)]
        if len(ends) != 1:
            yield Violation("one outcome", order_id, f"it ended as {ends or 'nothing'}")


def swaps_are_one(run: Run) -> Iterator[Violation]:
    """Find orders that were swapped twice."""
    for order_id, times in Counter(swap.order_id for swap in run.swapped).items():
        if times > 1:
            yield Violation("one swap", order_id, f"it landed {times} times")


def signed_is_on_the_log(run: Run) -> Iterator[Violation]:
    """Find what landed without having been on the log first."""
    for swap in run.swapped:
        events = run.story(swap.order_id).events
        signed = [event for event in events if isinstance(event, TransactionSigned)]
        if swap.signature not in [event.transaction.signature for event in signed]:
            detail = f"{swap.signature} landed and is on no log"
            yield Violation("what is sent is on the log", swap.order_id, detail)


def ends_are_true(run: Run) -> Iterator[Violation]:
    """Find confirmed orders that did not land, and others that did."""
    landed = {swap.order_id: swap.signature for swap in run.swapped}
    for order_id in sorted(run.stories.keys() | landed.keys()):
        order = run.story(order_id).order
        was = order.status if order else "unknown"
        if order and rolled_back(run.story(order_id).events) == {order.signature}:
            was = "rolled back"
        if (was == State.CONFIRMED) != (order_id in landed):
            chain = "landed" if order_id in landed else "did not land"
            yield Violation("ends are true", order_id, f"it is {was} and {chain}")
        elif order and order_id in landed and order.signature != landed[order_id]:
            detail = f"it is confirmed as {order.signature} and landed as {landed[order_id]}"
            yield Violation("ends are true", order_id, detail)


def amounts_are_the_chains(run: Run) -> Iterator[Violation]:
    """Find confirmed orders whose amounts are not the balances that their transaction moved."""
    moved = {swap.signature: (swap.amount_in, swap.amount_out) for swap in run.swapped}
    for order_id, story in run.stories.items():
        order = story.order
        if not order or not order.receipt or moved.get(order.signature or "") in _UNKNOWN:
            continue
        told, was = (order.receipt.amount_in, order.receipt.amount_out), moved[str(order.signature)]
        if told != was:
            detail = f"it was told {told}, and the balances say {was}"
            yield Violation("amounts are the chain's", order_id, detail)


def rolled_back_by_forks(run: Run) -> Iterator[Violation]:
    """Find swaps that are told to be rolled back, and that no fork took."""
    for order_id, story in run.stories.items():
        for signature in _told_to_be_rolled_back(story) - run.taken_back:
            yield Violation("only forks roll back", order_id, f"no fork took {signature}")


def _told_to_be_rolled_back(story: Story) -> set[str]:
    return {
        event.signature
        for event in story.events
        if isinstance(event, OutcomeContradicted) and event.kind == "rolledBack"
    }


def tables_are_folds(run: Run) -> Iterator[Violation]:
    """Find rows of the table `orders` that are not the fold of the archive."""
    for order_id in sorted(run.stories.keys() | run.rows.keys()):
        order, row = run.story(order_id).order, run.rows.get(order_id)
        wanted = row_of(order) if order else None
        if row != wanted:
            yield Violation("tables are folds", order_id, _difference(row, wanted))


def _difference(row: Row | None, wanted: Row | None) -> str:
    if row is None or wanted is None:
        return "there is no row" if row is None else "there is a row and no fold"
    pairs = [(name, getattr(row, name), getattr(wanted, name)) for name in Row.__struct_fields__]
    return "; ".join(
        f"{name} is {is_!r}, not {to_be!r}" for name, is_, to_be in pairs if is_ != to_be
    )


def row_of(order: Order) -> Row:
    """Return the row that an order should have."""
    return Row(
        order_id=order.id,
        version=order.version,
        status=order.status,
        unresolved=order.state is State.UNRESOLVED,
        submitted_at=order.submitted_at,
        updated_at=order.updated_at,
        attempts=order.attempts,
        venue=order.route.venue if order.route else None,
        signature=order.signature,
        amount_out=order.receipt.amount_out if order.receipt else None,
        price=order.price,
        failure_reason=order.failure,
        cancel_requested=order.cancel_requested,
        contradicted=order.contradicted,
    )


CHECKS = (
    accepted_is_kept,
    versions_are_counted,
    archive_is_the_log,
    histories_are_legal,
    ends_are_one,
    swaps_are_one,
    signed_is_on_the_log,
    ends_are_true,
    amounts_are_the_chains,
    rolled_back_by_forks,
    tables_are_folds,
)
