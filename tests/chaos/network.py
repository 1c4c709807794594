"""A hostile network between the services and their servers, at random moments.

It holds bytes back, delivers what its sender gave up, delivers twice, takes answers away and cuts a
replica off. To Redis it repeats whole commands; to PostgreSQL, which lets everybody in, whole
sessions, because a request there means nothing by itself.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from random import Random
from typing import Any, TypeAlias

from shared.concurrency.pause import pause
from tests.chaos.link import End
from tests.chaos.stage import Replica
from tests.chaos.traffic import is_whole
from tests.chaos.wire import Link, Server, Wire

_A_WHILE_S = (0.1, 60.0)
_TOO_LATE_S = (3.0, 60.0)  # Longer than services wait for Redis, and often than an order lives.
_AGAIN_S = (1.0, 60.0)
_CUT_OFF_S = (0.5, 15.0)
_MOST_REPEATS, _MOST_RESETS = 8, 3


class Network:
    """Strikes one replica at a time. `replicas` tells who is there, `note` is told what is done."""

    def __init__(
        self,
        replicas: Callable[[], Sequence[Replica]],
        seed: int,
        note: Callable[[str, str], None],
    ) -> None:
        self._replicas = replicas
        self._dice = Random(f"network {seed}")
        self._note = note
        self._calm = asyncio.Event()
        self._outstanding: set[asyncio.Task[None]] = set()

    async def rest(self) -> None:
        """Deliver at once all that is still held or to be repeated, and let everybody in again.

        Raises what kept something from being delivered.
        """
        for wire in self._wires():
            wire.doom(0, _forget)
        self._calm.set()
        while self._outstanding:
            await asyncio.gather(*self._outstanding)
        self._calm.clear()

    async def delay(self) -> None:
        """Hold bytes, either way or both, and then let them go on."""
        name, wire = self._victim()
        links = self._some_links(wire)
        near, far = self._dice.choice(((True, False), (False, True), (True, True)))
        ends = [link.near for link in links if near] + [link.far for link in links if far]
        self._hold("delay", name, ends, self._within(_A_WHILE_S))

    async def late(self) -> None:
        """Hold requests for so long that their sender hangs up, and deliver them then."""
        name, wire = self._victim()
        ends = [link.near for link in self._some_links(wire)]
        self._hold("late", name, ends, self._within(_TOO_LATE_S))

    async def repeat(self) -> None:
        """Deliver once more what was delivered already."""
        name, wire = self._victim()
        sent = wire.traffic.some(self._dice, _MOST_REPEATS)
        for one in sent:
            self._again(wire.server, one)
        self._note("repeat", f"{name}, {len(sent)} times")

    async def reset(self) -> None:
        """Break the connection in place of an answer, and mostly make matters worse.

        Either the request is delivered once more, or the replica cannot ask again for a while.
        """
        name, wire = self._victim()
        times = self._dice.randint(1, _MOST_RESETS)
        after: dict[str, Callable[[bytes], None]] = {
            "": _forget,
            ", and again": partial(self._again, wire.server),
            ", and cut off": lambda _: self._cut_off(wire, self._within(_CUT_OFF_S)),
        }
        worse = self._dice.choices(list(after), weights=(2, 5, 3))[0]
        wire.doom(times, after[worse])
        self._note("reset", f"{name}, {times} times{worse}")

    async def cutoff(self) -> None:
        """Cut a replica off from a server, or from both, for a while."""
        replica = self._dice.choice(self._replicas())
        wires = self._dice.choice((replica.wires, (replica.redis,), (replica.postgres,)))
        seconds = self._within(_CUT_OFF_S)
        for wire in wires:
            self._cut_off(wire, seconds)
        names = " and ".join(wire.server.name for wire in wires)
        self._note("cutoff", f"{replica.service.consumer} from {names}, {seconds:.1f} s")

    def _wires(self) -> list[Wire]:
        return [wire for replica in self._replicas() for wire in replica.wires]

    def _victim(self) -> tuple[str, Wire]:
        # New orders come by way of the gateways, so these are hit more often than the others.
        replicas = self._replicas()
        gateways = [replica for replica in replicas if replica.door]
        replica = self._dice.choice(
            gateways if self._dice.random() < 0.5 and gateways else replicas
        )
        wire = replica.redis if self._dice.random() < 0.75 else replica.postgres
        return f"{replica.service.consumer} to {wire.server.name}", wire

    def _some_links(self, wire: Wire) -> Sequence[Link]:
        links = list(wire.links)
        return links if self._dice.random() < 0.5 else self._dice.sample(links, min(1, len(links)))

    def _hold(self, fault: str, name: str, ends: Sequence[End], seconds: float) -> None:
        for end in ends:
            end.hold()

        async def release() -> None:
            for end in ends:
                end.release()

        self._later(seconds, release)
        self._note(fault, f"{name}, {len(ends)} ends, {seconds:.1f} s")

    def _cut_off(self, wire: Wire, seconds: float) -> None:
        wire.cut()
        self._later(seconds, wire.listen)

    def _again(self, server: Server, sent: bytes) -> None:
        if server.sessions or is_whole(sent):
            self._later(self._within(_AGAIN_S), partial(server.deliver, sent))

    def _later(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        async def wait_and_act() -> None:
            await pause(self._calm, seconds)
            await act()

        task = asyncio.create_task(wait_and_act())
        self._outstanding.add(task)
        task.add_done_callback(self._outstanding.discard)

    def _within(self, span: tuple[float, float]) -> float:
        """Return a time that is as often short as it is long, measured in magnitudes."""
        shortest, longest = span
        return math.exp(self._dice.uniform(math.log(shortest), math.log(longest)))


def _forget(_: bytes) -> None:
    pass


Strike: TypeAlias = Callable[["Network"], Coroutine[Any, Any, None]]

FAULTS: dict[str, Strike] = {
    "delay": Network.delay,
    "late": Network.late,
    "repeat": Network.repeat,
    "reset": Network.reset,
    "cutoff": Network.cutoff,
}
