"""The checker finds every kind of broken promise, and nothing in a run that broke none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from shared.orders.codec import encode
from shared.orders.events import (
    OrderCancelled,
    OrderEvent,
    OrderSubmitted,
    OutcomeContradicted,
)
from shared.orders.order import replay
from shared.orders.states import State
from shared.orders.view import status_after
from tests.chaos.checker import CHECKS, violations
from tests.chaos.orders import row_of
from tests.chaos.records import (
    Answer,
    Archived,
    Audited,
    Connection,
    Fell,
    Injected,
    Listed,
    Record,
    Row,
    Stream,
    Swapped,
    TakenBack,
    Told,
    ToldOf,
    load,
    save,
)
from tests.chaos.run import Run, Violation, run_of
from tests.support.builders import NOON, history

ORDER = "019b796d-d600-7c00-9e4f-1a2b3c4d5e00"
OTHER = "019b796d-d600-7c00-9e4f-1a2b3c4d5e01"
THIRD = "019b796d-d600-7c00-9e4f-1a2b3c4d5e02"
AMOUNT = "1.11"  # What stands for a request whose order has no name.
SIGNATURE = f"sig-{ORDER}"


def placed_as(key: str, order_id: str) -> list[OrderEvent]:
    first, *rest = history(order_id)
    return [msgspec.structs.replace(first, client_order_id=key), *rest]


def placed_nameless(order_id: str) -> list[OrderEvent]:
    first, *rest = history(order_id)
    assert isinstance(first, OrderSubmitted)
    intent = msgspec.structs.replace(first.intent, amount_in=Decimal(AMOUNT))
    return [msgspec.structs.replace(first, client_order_id=None, intent=intent), *rest]


CONFIRMED = placed_as("k1", ORDER)
ROLLED_BACK = [
    *CONFIRMED,
    OutcomeContradicted(
        **CONFIRMED[-1].next(NOON),
        state=State.CONFIRMED,
        signature=SIGNATURE,
        detail="a fork took it",
        kind="rolledBack",
    ),
]
CANCELLED = [CONFIRMED[0], OrderCancelled(**CONFIRMED[0].next(NOON))]

Change = Callable[[Sequence[Record]], list[Record]]


def archived(events: Sequence[OrderEvent]) -> Archived:
    return Archived(
        order_id=events[0].order_id,
        versions=tuple(event.version for event in events),
        events=raws(events),
    )


def raws(events: Sequence[OrderEvent]) -> tuple[str, ...]:
    return tuple(encode(event).decode() for event in events)


def told(events: Sequence[OrderEvent]) -> tuple[Told, ...]:
    return tuple(Told(event.version, status_after(event)) for event in events)


def row(events: Sequence[OrderEvent]) -> Row:
    order = replay(events)
    assert order is not None
    return row_of(order)


def streamed(events: Sequence[OrderEvent]) -> tuple[ToldOf, ...]:
    return tuple(ToldOf(e.order_id, e.version, status_after(e)) for e in events)


def a_run(events: Sequence[OrderEvent], *, landed: bool) -> list[Record]:
    """Return what a run of one order leaves behind when all goes well."""
    order_id = events[0].order_id
    return [
        Injected(at_s=0.5, fault="kill", target="router-1"),
        Answer(asked="place", key="k1", status=0),
        Answer(asked="place", key="k1", status=503, code="LOG_UNAVAILABLE"),
        Answer(asked="place", key="k1", status=504, code="ACCEPTANCE_UNKNOWN", order_id=OTHER),
        Answer(asked="place", key="k1", status=202, order_id=order_id, told="pending"),
        Connection(order_id=order_id, since=0, told=told(events[:1]), closed=None),
        Connection(order_id=order_id, since=1, told=(), closed=1001),
        Connection(order_id=order_id, since=1, told=told(events[1:]), closed=1000),
        Stream(told=streamed(events[:2])),
        Stream(told=streamed(events[2:])),
        archived(events),
        Listed(order_id=order_id, events=raws(events)),
        row(events),
        *([Swapped(order_id=order_id, signature=SIGNATURE)] if landed else []),
    ]


def replaced(kind: type[Record], **fields: object) -> Change:
    """Return a change of the last record of a kind."""

    def change(run: Sequence[Record]) -> list[Record]:
        [*_, last] = (record for record in run if isinstance(record, kind))
        return [
            msgspec.structs.replace(record, **fields) if record is last else record
            for record in run
        ]

    return change


def without(kind: type[Record]) -> Change:
    return lambda run: [record for record in run if not isinstance(record, kind)]


def also(*records: Record) -> Change:
    return lambda run: [*run, *records]


def also_nameless(*order_ids: str, status: int, named: str | None = None) -> Change:
    """Return a change by which a request without a name is answered so and makes these orders."""
    made: list[Record] = []
    for order_id in order_ids:
        events = placed_nameless(order_id)
        swap = Swapped(order_id=order_id, signature=f"sig-{order_id}")
        made += (archived(events), row(events), swap, Stream(told=streamed(events)))
    return also(Answer(asked="place", key=AMOUNT, status=status, order_id=named), *made)


def with_history(events: Sequence[OrderEvent]) -> Change:
    """Return a change of what archive, Redis and table hold, and of nothing else."""

    def change(run: Sequence[Record]) -> list[Record]:
        kept = [r for r in run if not isinstance(r, Archived | Listed | Row | Stream)]
        listed = Listed(order_id=ORDER, events=raws(events))
        return [*kept, archived(events), listed, row(events), Stream(told=streamed(events))]

    return change


BROKEN: dict[str, tuple[str, Change]] = {
    "a stream misses an event": (
        "no missed update",
        replaced(Stream, told=streamed(CONFIRMED[3:])),
    ),
    "a stream tells an event twice": (
        "no missed update",
        replaced(Stream, told=streamed(CONFIRMED[1:])),
    ),
    "a stream tells events out of order": (
        "no missed update",
        replaced(Stream, told=streamed(CONFIRMED[:1:-1])),
    ),
    "a stream knows nothing of an order": (
        "no missed update",
        also(archived(history(THIRD))),
    ),
    "a stream tells another status": (
        "updates are true",
        replaced(Stream, told=tuple(ToldOf(ORDER, v, "failed") for v in range(3, 7))),
    ),
    "a stream tells of lost history": (
        "no lost history",
        also(Stream(told=(), lost=("the log does not go back so far",))),
    ),
    "a service ends by itself": ("services stay", also(Fell(service="router-1"))),
    "an accepted order is lost": (
        "accepted is kept",
        lambda run: without(Archived)(without(Listed)(run)),
    ),
    "a version is missing": (
        "versions are 1 to n",
        replaced(Archived, versions=(1, 2, 4, 5, 6), events=raws(CONFIRMED[:2] + CONFIRMED[3:])),
    ),
    "a version is there twice": (
        "versions are 1 to n",
        replaced(Listed, events=raws([*CONFIRMED, CONFIRMED[-1]])),
    ),
    "an entry cannot be read": ("versions are 1 to n", replaced(Listed, events=("{",))),
    "Redis and Postgres differ": (
        "the archive is the log",
        replaced(Listed, events=raws(CONFIRMED[:-1])),
    ),
    "a history has a step that cannot be": (
        "histories are legal",
        replaced(
            Archived,
            versions=(1, 2),
            events=raws([CONFIRMED[0], msgspec.structs.replace(CONFIRMED[-1], version=2)]),
        ),
    ),
    "an order never ends": ("one outcome", with_history(CONFIRMED[:-1])),
    "an order ends twice": (
        "one outcome",
        replaced(
            Archived,
            versions=tuple(range(1, 8)),
            events=raws([*CONFIRMED, msgspec.structs.replace(CONFIRMED[-1], version=7)]),
        ),
    ),
    "an order is swapped twice": (
        "one swap",
        also(Swapped(order_id=ORDER, signature=SIGNATURE)),
    ),
    "something is sent before it is on the log": (
        "what is sent is on the log",
        replaced(Swapped, signature="another"),
    ),
    "a confirmed order did not land": ("ends are true", without(Swapped)),
    "what landed is not what was confirmed": (
        "ends are true",
        replaced(Swapped, signature="another"),
    ),
    "an order that nobody knows landed": (
        "ends are true",
        also(Swapped(order_id=OTHER, signature="another")),
    ),
    "a swap that was rolled back is on the chain": (
        "ends are true",
        lambda run: [*with_history(ROLLED_BACK)(run), TakenBack(signature=SIGNATURE)],
    ),
    "a swap was rolled back that no fork took": (
        "only forks roll back",
        lambda run: without(Swapped)(with_history(ROLLED_BACK)(run)),
    ),
    "an order is told other amounts than the balances say": (
        "amounts are the chain's",
        replaced(Swapped, amount_in=Decimal("1.5"), amount_out=Decimal("0.000001")),
    ),
    "the audit of funds finds something": (
        "funds add up",
        also(Audited(claim="no order has two transactions", broken=(ORDER,))),
    ),
    "a row is missing": ("tables are folds", without(Row)),
    "a row is not the fold": ("tables are folds", replaced(Row, status="failed")),
    "a row is of no order": (
        "tables are folds",
        also(msgspec.structs.replace(row(CONFIRMED), order_id=OTHER)),
    ),
    "an order that was taken is not found": (
        "answers are honest",
        also(Answer(asked="follow", key="k1", status=404, order_id=ORDER)),
    ),
    "a gateway breaks down": (
        "answers are honest",
        also(Answer(asked="place", key="k1", status=500)),
    ),
    "a key stands for two orders": (
        "one order a key",
        also(
            Answer(asked="place", key="k1", status=202, order_id=OTHER),
        ),
    ),
    "a key makes two orders": ("one order a key", also(archived(placed_as("k1", OTHER)))),
    "there is an order that nobody placed": (
        "one order a key",
        also(archived(placed_as("k2", OTHER))),
    ),
    "one request swaps two orders": ("one swap", also_nameless(OTHER, THIRD, status=0)),
    "a request that was refused made an order": (
        "503 writes nothing",
        also_nameless(OTHER, status=503),
    ),
    "an order in doubt is kept under another id": (
        "504 names the order",
        also_nameless(OTHER, status=504, named=THIRD),
    ),
    "an order in time is called late": (
        "answers are honest",
        also(Answer(asked="place", key="k1", status=400, code="INVALID_ORDER")),
    ),
    "a cancelled order is not cancelled": (
        "cancelled is cancelled",
        also(Answer(asked="cancel", key="k1", status=200, order_id=ORDER, told="cancelled")),
    ),
    "an update is missing": (
        "no missed update",
        replaced(Connection, told=told(CONFIRMED[2:])),
    ),
    "an update comes twice": (
        "no missed update",
        replaced(Connection, told=told([CONFIRMED[1], *CONFIRMED[1:]])),
    ),
    "a socket closes as if the order had ended": (
        "no missed update",
        lambda run: [
            msgspec.structs.replace(record, closed=1000)
            if isinstance(record, Connection) and record.closed == 1001
            else record
            for record in run
        ],
    ),
    "a client does not hear of the end": (
        "no missed update",
        replaced(Connection, told=told(CONFIRMED[1:-1]), closed=1001),
    ),
    "a client sees an end that is not so": (
        "updates are true",
        replaced(Connection, told=(*told(CONFIRMED[1:-1]), Told(6, "failed"))),
    ),
}


@pytest.mark.parametrize(
    ("events", "landed"), [(CONFIRMED, True), (CANCELLED, False)], ids=["confirmed", "cancelled"]
)
def test_nothing_is_found_in_a_run_that_broke_no_promise(
    events: list[OrderEvent], landed: bool
) -> None:
    assert violations(a_run(events, landed=landed)) == []


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_promise_is_found(what: str) -> None:
    promise, change = BROKEN[what]

    found = violations(change(a_run(CONFIRMED, landed=True)))

    assert promise in {violation.promise for violation in found}


def test_a_swap_that_a_fork_took_back_breaks_no_promise() -> None:
    run = without(Swapped)(with_history(ROLLED_BACK)(a_run(CONFIRMED, landed=True)))

    assert violations([*run, TakenBack(signature=SIGNATURE)]) == []


def test_a_swap_that_landed_again_after_a_fork_breaks_no_promise() -> None:
    assert violations([*a_run(CONFIRMED, landed=True), TakenBack(signature=SIGNATURE)]) == []


def test_a_cancelled_order_that_landed_is_found() -> None:
    found = violations(a_run(CANCELLED, landed=True))

    assert "ends are true" in {violation.promise for violation in found}


def test_an_order_of_a_client_that_was_never_told_of_it_is_nobodys_fault() -> None:
    left = Answer(asked="place", key="k2", status=0)
    late = Answer(asked="place", key="k2", status=400, code="INVALID_ORDER", late=True)
    events = placed_as("k2", OTHER)
    swap = Swapped(order_id=OTHER, signature=f"sig-{OTHER}")

    heard = Stream(told=streamed(events))
    run = [*a_run(CONFIRMED, landed=True), left, late, archived(events), row(events), swap, heard]

    assert violations(run) == []


@pytest.mark.parametrize(("status", "named"), [(0, None), (504, OTHER)])
def test_a_request_that_was_in_doubt_may_have_made_one_order(
    status: int, named: str | None
) -> None:
    run = also_nameless(OTHER, status=status, named=named)(a_run(CONFIRMED, landed=True))

    assert violations(run) == []


@pytest.mark.parametrize("status", [0, 202, 504])
def test_an_order_that_is_swapped_twice_is_found_whatever_its_client_was_told(status: int) -> None:
    again = Swapped(order_id=OTHER, signature="another")
    kept = also_nameless(OTHER, status=status, named=OTHER)(a_run(CONFIRMED, landed=True))

    assert "one swap" in {violation.promise for violation in violations([*kept, again])}


@pytest.mark.parametrize("check", CHECKS)
def test_no_check_is_idle(check: Callable[[Run], Iterator[Violation]]) -> None:
    healthy = a_run(CONFIRMED, landed=True)

    assert any(list(check(run_of(change(healthy)))) for _, change in BROKEN.values())


def test_a_run_that_was_saved_is_checked_alike(tmp_path: Path) -> None:
    run = BROKEN["an order is swapped twice"][1](a_run(CONFIRMED, landed=True))
    save(tmp_path / "run.jsonl", run)

    assert violations(load(tmp_path / "run.jsonl")) == violations(run) != []
