"""The names of everything in Redis. The hash tag keeps one partition in one cluster slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from zlib import crc32

from shared.orders.dispatch import WORKERS


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names for one log."""

    namespace: str
    partitions: int

    def partition_of(self, order_id: str) -> int:
        """Return the partition that holds everything about an order."""
        return crc32(order_id.encode()) % self.partitions

    def log(self, partition: int) -> str:
        """Return the stream of every event of the partition's orders."""
        return f"{_tagged(self.namespace, partition)}log"

    def stream(self, partition: int, group: str) -> str:
        """Return the stream that a group reads: its own work, or the log."""
        log = self.log(partition)
        return f"{log}:{group}" if group in WORKERS else log

    def history(self, order_id: str) -> str:
        """Return the list of one order's events. Its length is the order's version."""
        return self.history_prefix(self.partition_of(order_id)) + order_id

    def history_prefix(self, partition: int) -> str:
        """Return what an order's id is put behind to name its list."""
        return f"{_tagged(self.namespace, partition)}order:"

    @property
    def histories(self) -> str:
        """Return the pattern that the lists of all orders match."""
        return f"{self.namespace}:{{*}}:order:*"

    def suspects(self, partition: int) -> str:
        """Return the sorted set of orders found at rest, by since when nobody moved them (ms)."""
        return f"{_tagged(self.namespace, partition)}suspects"

    def due_prefix(self, partition: int) -> str:
        """Return what a group's name is put behind to name its parking."""
        return f"{_tagged(self.namespace, partition)}due:"

    def taken(self, partition: int) -> str:
        """Return the sorted set of orders taken in lately, by until when a repeat may come (ms)."""
        return f"{_tagged(self.namespace, partition)}taken"

    def archived(self, partition: int) -> str:
        """Return what remembers up to which entry the partition is archived."""
        return f"{_tagged(self.namespace, partition)}archived"

    def halted(self, partition: int) -> str:
        """Return the set of orders to which nothing may be appended."""
        return f"{_tagged(self.namespace, partition)}halted"

    def dead(self, partition: int) -> str:
        """Return the stream of entries that nobody could process."""
        return f"{_tagged(self.namespace, partition)}dead"

    def due(self, partition: int, group: str) -> str:
        """Return the sorted set of a group's parked orders, by when they are due (ms)."""
        return self.due_prefix(partition) + group

    def marker(self, partition: int, key: str) -> str:
        """Return what remembers that an Idempotency-Key was used."""
        return f"{_tagged(self.namespace, partition)}key:{key}"

    def updates(self, order_id: str) -> str:
        """Return the channel on which one order's events are published."""
        return f"{_tagged(self.namespace, self.partition_of(order_id))}updates:{order_id}"

    def ticket(self, digest: str) -> str:
        """Return what a one-time ticket, known by its digest, was issued for."""
        return f"{self.namespace}:ticket:{digest}"

    @property
    def epoch(self) -> str:
        """Return the key that names the log's whole life."""
        return f"{self.namespace}:epoch"

    @property
    def layout(self) -> str:
        """Return the key that remembers the number of partitions."""
        return f"{self.namespace}:partitions"


@cache
def _tagged(namespace: str, partition: int) -> str:
    return f"{namespace}:{{{partition:02}}}:"
