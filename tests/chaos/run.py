"""A run, sorted for those who check it, and what they find. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.orders.codec import MalformedEvent, decode
from shared.orders.events import OrderEvent
from shared.orders.order import IllegalTransition, MissingEvent, Order, replay
from shared.orders.view import status_after
from tests.chaos.records import (
    Answer,
    Archived,
    Audited,
    Connection,
    Fell,
    Listed,
    Record,
    Row,
    Stream,
    Swapped,
    TakenBack,
)

ACCEPTED = 202


class Violation(NamedTuple):
    """A promise that was broken: which one, for which order, and how it shows."""

    promise: str
    order_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Story:
    """An order as the archive tells it. `order` is None and `wrong` says why if it does not fold.

    `statuses` are what a client is told after each event.
    """

    versions: tuple[int, ...]
    raws: tuple[str, ...]
    events: tuple[OrderEvent, ...]
    statuses: tuple[str, ...]
    order: Order | None
    wrong: str

    def status_at(self, version: int) -> str | None:
        """Return what a client is told after the event of this version; None without one."""
        return self.statuses[version - 1] if 0 < version <= len(self.statuses) else None


UNHEARD_OF = Story((), (), (), (), None, "it is not in the archive")


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that was recorded; by order where there is one record an order."""

    fallen: list[Fell] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    stories: dict[str, Story] = field(default_factory=dict)
    listed: dict[str, Listed] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    swapped: list[Swapped] = field(default_factory=list)
    taken_back: set[str] = field(default_factory=set)
    audited: list[Audited] = field(default_factory=list)

    def story(self, order_id: str) -> Story:
        """Return what the archive tells of an order."""
        return self.stories.get(order_id, UNHEARD_OF)

    def accepted(self) -> set[str]:
        """Return every order that a client was told is kept."""
        return {
            answer.order_id
            for answer in self.answers
            if answer.asked == "place" and answer.status == ACCEPTED and answer.order_id
        }


def run_of(records: Iterable[Record]) -> Run:
    """Sort records. Faults break no promise, so they are left out."""
    run = Run()
    lists: dict[type[Record], list[Any]] = {
        Fell: run.fallen,
        Answer: run.answers,
        Connection: run.connections,
        Stream: run.streams,
        Swapped: run.swapped,
        Audited: run.audited,
    }
    for record in records:
        match record:
            case Archived():
                run.stories[record.order_id] = _told_by(record)
            case Listed():
                run.listed[record.order_id] = record
            case Row():
                run.rows[record.order_id] = record
            case TakenBack():
                run.taken_back.add(record.signature)
            case _ if type(record) in lists:
                lists[type(record)].append(record)
            case _:
                pass
    return run


def _told_by(archived: Archived) -> Story:
    events: tuple[OrderEvent, ...] = ()
    order, wrong = None, ""
    try:
        events = tuple(decode(event.encode()) for event in archived.events)
        order = replay(events)
    except (MalformedEvent, MissingEvent, IllegalTransition) as error:
        wrong = f"{type(error).__name__}: {error}"
    statuses = tuple(status_after(event) for event in events)
    return Story(archived.versions, archived.events, events, statuses, order, wrong)
