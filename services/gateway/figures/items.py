"""What needs somebody, in words: one sentence and one thing to do for each. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final, NamedTuple

from services.gateway.figures.pulse import Replica
from shared.clock import rfc3339
from shared.orders.dispatch import READERS
from shared.streams.consumer.backlog import GroupNow
from shared.venues.health.book import Seen
from shared.venues.health.breaker import State

_LATE_MS: Final = 10_000
_VERY_LATE_MS: Final = 60_000
_HELD_MS: Final = 30_000
_REPLACED: Final = timedelta(minutes=5)  # Then somebody else does the work for good.


class Severity(IntEnum):
    """How bad it is; the worst comes first."""

    CRITICAL = 0
    WARNING = 1


class Action(NamedTuple):
    """The one thing to do: in words, and as a command or an address."""

    text: str
    command: str | None = None
    href: str | None = None


class Item(NamedTuple):
    """Something that needs somebody, since when as far as is known, and the order it is about."""

    kind: str
    severity: Severity
    text: str
    action: Action
    since: datetime | None = None
    order_id: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return it as clients see it."""
        return {
            "kind": self.kind,
            "severity": self.severity.name.lower(),
            "text": self.text,
            "since": self.since and rfc3339(self.since),
            "orderId": self.order_id,
            "action": self.action._asdict(),
        }


_DOCTOR: Final = Action("Look at everything once", "slipstream doctor")
_LETTERS: Final = Action("See why, then replay them", "slipstream dead list")


def in_order(items: Iterable[Item]) -> list[Item]:
    """Return the worst first, and of equals the oldest."""
    return sorted(
        items,
        key=lambda one: (one.severity, one.since is None, one.since and one.since.timestamp()),
    )


def of_dead_letters(count: int, oldest: datetime | None) -> Iterator[Item]:
    """Yield it where entries were put aside."""
    if count:
        were = "entry was" if count == 1 else "entries were"
        text = f"{count:,} {were} put aside, because nobody could process them."
        yield Item("deadLetters", Severity.WARNING, text, _LETTERS, oldest)


def of_groups(groups: Iterable[GroupNow], now: datetime) -> Iterator[Item]:
    """Yield groups that are late: entries wait for 10 s, or are held for 30 s without a chain."""
    for group in groups:
        waits_ms = group.undelivered_ms if group.undelivered_ms > _LATE_MS else 0
        if not waits_ms and group.name in READERS and group.oldest_ms > _HELD_MS:
            waits_ms = group.oldest_ms
        if waits_ms:
            yield Item(
                "lag",
                Severity.CRITICAL if waits_ms > _VERY_LATE_MS else Severity.WARNING,
                f"The {group.name} is {waits_ms // 1_000} s late: {_entries(group.lag)} before it, "
                f"{group.pending:,} in hand.",
                Action("See how far each service is", "slipstream stats", "/api/orders/stats"),
                now - timedelta(milliseconds=waits_ms),
            )


def _entries(lag: int | None) -> str:
    if lag is None:
        return "nobody can tell how many entries are"
    return "1 entry is" if lag == 1 else f"{lag:,} entries are"


def of_replicas(replicas: Sequence[Replica], now: datetime) -> Iterator[Item]:
    """Yield those that fell silent; it is critical where no other of the service is up.

    Where others do their work it is told for five minutes: most were replaced.
    """
    up = Counter(replica.note.service for replica in replicas if not replica.is_stale)
    for replica in replicas:
        service = replica.note.service
        if replica.is_stale and not (up[service] and now - replica.seen_at > _REPLACED):
            others = {0: "no other is", 1: "1 other is"}.get(
                up[service], f"{up[service]} others are"
            )
            yield Item(
                "staleReplica",
                Severity.WARNING if up[service] else Severity.CRITICAL,
                f"The {service} {replica.name} fell silent without leaving; {others} up.",
                Action(
                    "Read its log, and start it again unless it was replaced",
                    href="docs/operations/watch.md#replicadown",
                ),
                replica.seen_at,
            )


def of_venues(seen: Mapping[str, Mapping[str, Seen]], names: Iterable[str]) -> Iterator[Item]:
    """Yield venues that routers pass over; it is critical where no venue is left."""
    down = {
        name: [one for one in seen.get(name, {}).values() if one.state is not State.UP]
        for name in names
    }
    severity = Severity.CRITICAL if all(down.values()) else Severity.WARNING
    for name, notes in down.items():
        if notes:
            why = next((one.why for one in notes if one.why), "it fails")
            yield Item(
                "venueDown",
                severity,
                f"{name} is passed over by {len(notes)} of {len(seen[name])} routers: {why}",
                Action("See how the venues do", "slipstream venues", "/api/venues"),
            )


def of_wallets(sol: Mapping[str, Decimal], least: Decimal) -> Iterator[Item]:
    """Yield wallets that have less SOL than that for fees and deposits."""
    for name, amount in sol.items():
        if amount < least:
            yield Item(
                "lowBalance",
                Severity.WARNING if amount else Severity.CRITICAL,
                f"The wallet {name} has {amount.normalize():f} SOL left for fees and deposits.",
                Action("Send it SOL", f"slipstream wallet balance {name}", "/api/wallets"),
            )


_SERVERS: Final = {"redis": "Redis", "postgres": "PostgreSQL", "chain": "The chain"}


def of_servers(servers: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
    """Yield servers that are down, and those that answer and are in trouble."""
    for server in servers:
        if why := server["detail"]:
            name = _SERVERS[server["name"]]
            is_up = server["state"] == "up"
            # Without PostgreSQL orders go on.
            severity = Severity.WARNING if name == "PostgreSQL" else Severity.CRITICAL
            text = (
                f"{name} answers, and is in trouble: {why}" if is_up else f"{name} is away: {why}"
            )
            yield Item("serverDown", severity, text, _DOCTOR)
