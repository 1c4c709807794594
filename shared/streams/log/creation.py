"""New orders, put on the log each at most once, however often and however late that is asked for.

A lost reply makes the gateway ask again, and a network may deliver either try much later, when the
order has ended and its history has left Redis. So each submission says until when it may be asked
for, by Redis's clock, and Redis remembers for so long that it was there (`lua/create.lua`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from shared.orders.codec import encode
from shared.orders.dispatch import CONTINUES, worker_for
from shared.orders.events import OrderSubmitted
from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from shared.streams.redis.scripts import Script

_FIRST = CONTINUES[OrderSubmitted]
_CREATE = Script.load(__package__, "lua/create.lua", if_writable=True)


class Submission(Struct, frozen=True, kw_only=True):
    """A new order, and the marker of its Idempotency-Key if it came with one.

    A repeat is the very same, `until_ms` included: after that time, as Redis has it, nothing is
    taken in. `digest` stands for the whole request: the same key with another one is a conflict.
    """

    event: OrderSubmitted
    until_ms: int
    marker: str | None = None
    digest: str = ""

    @property
    def may_be_taken(self) -> bool:
        """Return whether it can be taken in at all; not, where nobody knew what time it was."""
        return self.until_ms > 0


class Submitted(Struct, frozen=True):
    """Which order a submission led to.

    `accepted`: it is on the log. `repeated`: the same request was accepted before, as `order_id`.
    `conflict`: its key belongs to another request. `late`: nothing was done, because its time was
    over; unless every earlier try has been answered, one of them may have taken it in.
    """

    order_id: str
    kind: Literal["accepted", "repeated", "conflict", "late"]


class Creation:
    """Takes new orders in, and knows what time it is where they go."""

    def __init__(self, log: Log, *, within_s: float = 5.0, key_ttl_s: int = 172_800) -> None:
        """Let orders be asked for `within_s` seconds; remember their keys for `key_ttl_s`."""
        self._log = log
        self._within_s = within_s
        self._key_ttl_s = key_ttl_s
        # By server: how far its clock is ahead of the loop's. Until that is known everything is
        # late, and is told the time.
        self._ahead_ms: dict[int, float] = {}

    def until_ms(self, order_id: str) -> int:
        """Return until when an order that is begun now may be asked for, or a bit longer.

        That is long past while the clock of its server is unknown.
        """
        ahead_ms = self._ahead_ms.get(self._log.place_of(order_id))
        if ahead_ms is None:
            return 0
        until_s = asyncio.get_running_loop().time() + self._within_s
        return int(until_s * 1_000 + ahead_ms)

    async def submit(self, submissions: Sequence[Submission]) -> list[Submitted]:
        """Take orders in, in one round trip. Safe to repeat with the same submissions.

        Raises `LogUnavailable`; then `maybe_applied` says whether some may be on the log.
        """
        batches = self._log.by_place([one.event.order_id for one in submissions])
        asked_ms = asyncio.get_running_loop().time() * 1_000
        said, copied = await self._log.run(
            [self._command(submissions, b) for b in batches.values()]
        )
        replies: list[Any] = [None] * len(submissions)
        for (place, batch), answer in zip(batches.items(), said, strict=True):
            now_ms, *each = checked(answer)
            # By when it was asked: ahead by what the way there took, rather than behind.
            self._ahead_ms[place] = float(now_ms) - asked_ms
            for i, reply in zip(batch, each, strict=True):
                replies[i] = reply
                if reply[0] == b"late":
                    self._ahead_ms[place] = max(self._ahead_ms[place], float(reply[1]) - asked_ms)
        self._log.raise_errors("create.lua", replies)
        answers = [_submitted(s, reply) for s, reply in zip(submissions, replies, strict=True)]
        if any(answer.kind != "late" for answer in answers):  # Else there is nothing to copy.
            self._log.must_be_copied(copied)
        return answers

    async def ask(self) -> None:
        """Ask Redis as for a new order, but too late. Raises `LogUnavailable` as that would."""
        nobody = "readiness"
        late = (nobody, 0, _FIRST, f"1 {nobody} ", "", "")
        keys = self._keys(nobody, self._log.keys.history(nobody))
        args = (1, int(self._within_s * 1_000), *late)
        [reply] = await self._log.client.run([_CREATE.command(keys, args)])
        self._log.raise_errors("create.lua", checked(reply)[1:])

    def _keys(self, order_id: str, marker: str | None) -> tuple[str, ...]:
        names = self._log.keys
        partition = names.partition_of(order_id)
        history = names.history_prefix(partition) + order_id
        return names.log(partition), history, names.taken(partition), marker or history

    def _command(self, submissions: Sequence[Submission], batch: Sequence[int]) -> Any:
        keys: list[str] = []
        args: list[Any] = [len(batch), int(self._within_s * 1_000)]
        for i in batch:
            event, marker = submissions[i].event, submissions[i].marker
            keys += self._keys(event.order_id, marker)
            key = f"{self._key_ttl_s} {event.order_id} {submissions[i].digest}" if marker else ""
            args += (event.order_id, submissions[i].until_ms, worker_for(event), key)
            args += (type(event).__name__, encode(event))
        return _CREATE.command(keys, args)


def _submitted(submission: Submission, reply: Any) -> Submitted:
    order_id = submission.event.order_id
    # Ids are new, so an order that is there already is our own, its reply lost on the way.
    if reply == b"ok" or reply[0] == b"there":
        return Submitted(order_id, "accepted")
    if reply[0] == b"late":
        return Submitted(order_id, "late")
    known_id, digest = reply[1].decode().split(" ")
    if digest != submission.digest:
        return Submitted(known_id, "conflict")
    return Submitted(known_id, "accepted" if known_id == order_id else "repeated")
