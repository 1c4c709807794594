"""Live updates: one publish/subscribe link a node, shared by all who follow orders.

A link may lose messages; what must never happen is that they are lost unnoticed. It is pinged,
silence ends it, and each time it was lost everybody is told to look at the history. redis-py's
own PubSub reconnects without a word, so the link here is a bare connection.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from shared.concurrency.pause import backoff, pause
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log

logger = logging.getLogger(__name__)

_IN_A_ROW = 32  # Messages handled before everybody else has a turn.
_CONFIRM_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0

_LOST = (RedisError, RedisClusterException, OSError, TimeoutError, LogUnavailable)


class Updates:
    """Subscriptions to the channels of single orders."""

    def __init__(
        self, log: Log, on_message: Callable[[str, bytes], None], on_gap: Callable[[], None]
    ) -> None:
        """Call `on_message(order id, message)` at each update, `on_gap()` after a lost link.

        `on_gap` comes once every subscription is confirmed again, so that what is read from the
        history from then on leaves no hole.
        """
        self._log = log
        self._on_message = on_message
        self._on_gap = on_gap
        self._wanted: dict[str, asyncio.Future[None]] = {}
        self._untold: set[str] = set()  # Orders whose node is to hear what we want.
        self._told: Counter[str] = Counter()  # Commands on their way, by order.
        self._unconfirmed: set[str] = set()  # Of those wanted when the link was renewed.
        self._links: dict[str, Any] = {}
        self._wake = asyncio.Event()
        self._was_up = False

    async def subscribe(self, *order_ids: str) -> None:
        """Return once Redis confirmed the subscriptions, which go out together.

        Raises `LogUnavailable` when it does not in time.
        """
        confirmed = [self._want(order_id) for order_id in order_ids]
        waiting = [future for future in confirmed if not future.done()]
        if waiting and (await asyncio.wait(waiting, timeout=_CONFIRM_S))[1]:
            raise LogUnavailable("no live updates: Redis is away", maybe_applied=False)

    def unsubscribe(self, order_id: str) -> None:
        """Stop following an order."""
        if self._wanted.pop(order_id, None):
            self._renewed(order_id)
            self._tell_soon(order_id)

    def _want(self, order_id: str) -> asyncio.Future[None]:
        if order_id not in self._wanted:
            self._wanted[order_id] = asyncio.get_running_loop().create_future()
            self._tell_soon(order_id)
        return self._wanted[order_id]

    def _tell_soon(self, order_id: str) -> None:
        self._untold.add(order_id)
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the links up until told to stop."""
        pauses = backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        # A channel for nobody: a server that lets nobody listen shows at once.
        self._want("")
        while not stop.is_set():
            try:
                await self._log.client.refresh()
                await self._link(stop)
            except _LOST as error:
                why: Exception = error
                if isinstance(error, RedisError):
                    why = self._log.client.away(error, ("SSUBSCRIBE",))
                logger.warning("live updates interrupted: %s", why)
            if self._was_up:
                pauses = backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
            await pause(stop, next(pauses))

    async def _link(self, stop: asyncio.Event) -> None:
        links = self._log.client.links()
        self._was_up = False
        try:
            for link in links.values():
                await link.connect()
            self._links = links
            self._told.clear()
            self._renew()
            work: list[Coroutine[Any, Any, Any]] = [self._read(link) for link in links.values()]
            work += [self._tell(), self._ping(), stop.wait()]
            tasks = [asyncio.create_task(part) for part in work]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            for task in done:
                task.result()
        finally:
            self._links = {}
            for link in links.values():
                with suppress(*_LOST):
                    await link.disconnect(nowait=True)

    def _renew(self) -> None:
        self._unconfirmed = {i for i, confirmed in self._wanted.items() if confirmed.done()}
        self._untold = set(self._wanted)
        self._wake.set()

    async def _tell(self) -> None:
        # What is wanted while one batch goes out makes the next: many orders, few commands.
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._untold = self._untold, set()
            wanted = batch & self._wanted.keys()
            await self._send("SSUBSCRIBE", wanted)
            await self._send("SUNSUBSCRIBE", batch - wanted)

    async def _send(self, command: str, order_ids: Iterable[str]) -> None:
        # Counted before anything is sent: the first answers may come before the last command.
        by_partition: dict[int, list[str]] = {}
        for order_id in order_ids:
            by_partition.setdefault(self._log.keys.partition_of(order_id), []).append(order_id)
            self._told[order_id] += 1
        for part in by_partition.values():
            channels = [self._log.keys.updates(order_id) for order_id in part]
            link = self._links.get(self._log.client.node_of(channels[0]))
            if link is None:
                raise LogUnavailable("a partition is on a new node", maybe_applied=False)
            await link.send_command(command, *channels, check_health=False)

    async def _read(self, link: Any) -> None:
        for turn in itertools.count(1):
            if turn % _IN_A_ROW == 0:  # What has come already is read without waiting.
                await asyncio.sleep(0)
            kind, *rest = _flat(await link.read_response(disable_decoding=True))
            if kind == b"smessage":
                self._on_message(_order_of(rest[0]), rest[1])
            elif kind in (b"ssubscribe", b"sunsubscribe"):
                self._answered(_order_of(rest[0]))

    def _answered(self, order_id: str) -> None:
        if not self._told[order_id]:  # Nobody asked for it: an unsubscription by the server.
            raise LogUnavailable("a partition moved to another node", maybe_applied=False)
        self._was_up = True
        self._log.client.refusals.forget(("SSUBSCRIBE",))
        self._told[order_id] -= 1
        if self._told[order_id]:
            return  # The order was let go and wanted again meanwhile; only the last answer counts.
        del self._told[order_id]
        confirmed = self._wanted.get(order_id)
        if confirmed and not confirmed.done():
            confirmed.set_result(None)
        self._renewed(order_id)

    def _renewed(self, order_id: str) -> None:
        if order_id in self._unconfirmed:
            self._unconfirmed.remove(order_id)
            if not self._unconfirmed:
                self._on_gap()

    async def _ping(self) -> None:
        # Well within the connection's own read deadline, which ends a silent link.
        while True:
            await asyncio.sleep(self._log.client.timeout_s / 3)
            for link in self._links.values():
                await link.send_command("PING", check_health=False)


def _flat(reply: Any) -> Iterable[Any]:
    if isinstance(reply, Exception):
        raise reply
    return reply if isinstance(reply, list) else [reply]


def _order_of(channel: bytes) -> str:
    return channel.rpartition(b":")[2].decode()
