"""What befalls the development chain: it dies, hangs, forks, and its nodes lie each in its own way.

Two nodes of one chain that are struck apart disagree: one lags, forgets or is pruned while the
other is well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any, TypeAlias

import httpx

from tests.chaos.onchain.apis import Apis
from tests.chaos.onchain.devchain import Devchain

_LONGEST_AWAY_S = 1.5
_LONGEST_HANG_S = 2.5
_LONGEST_LIE_S = 6.0
_HANG_NOT_END = 0.5
_MOST_TAKEN_BACK = 31  # Blocks that are not final.

# As `devchain_setFaults` takes them; a number is the largest that is drawn.
_LIES: dict[str, dict[str, Any]] = {
    "drops": {"neverLands": 1.0},
    "lands late": {"landsLate": 1.0, "lateBlocks": 140},  # Some of it when it is as good as dead.
    "loses replies": {"lostReply": 0.7},
    "lags": {"lagSlots": 64},
    "forgets": {"forgets": 1.0},
    "is pruned": {"pruned": True},
    "throttles": {"throttled": 1.0},
    "is unavailable": {"unavailable": 1.0},
    "is silent": {"silent": 0.7},
}


class Strikes:
    """Strikes the chain, and mends it after a while. `note` is told what is done."""

    def __init__(
        self, chain: Devchain, apis: Apis, seed: int, note: Callable[[str, str], None]
    ) -> None:
        self._chain = chain
        self._apis = apis
        self._dice = Random(f"chain {seed}")
        self._note = note
        self._mending: set[asyncio.Task[None]] = set()
        self._down = False
        self._apis_down = False

    async def rest(self) -> bool:
        """Return, once all is mended, whether the chain had ended by itself; it runs again."""
        while self._mending:
            await asyncio.gather(*self._mending)
        if fell := not self._chain.alive:
            await self._chain.start()
        return fell

    async def devchain(self) -> None:
        """`kill -9` the chain, and let it replay its journal after a while."""
        if not self._down:
            self._note("devchain", "killed")
            self._chain.kill()
            self._take_down(_LONGEST_AWAY_S, self._chain.start)

    async def stall(self) -> None:
        """SIGSTOP the chain for a while: no blocks, no answers."""
        if not self._down:
            self._note("stall", "no blocks")
            self._chain.pause()

            async def resume() -> None:
                self._chain.resume()

            self._take_down(_LONGEST_HANG_S, resume)

    async def lie(self) -> None:
        """Let one node, or both, answer wrongly or not at all for a while."""
        name = self._dice.choice(list(_LIES))
        nodes = self._dice.choice(((0,), (1,), (0, 1)))
        faults = {fault: self._drawn(most) for fault, most in _LIES[name].items()}
        self._note("lie", f"node {' and '.join(map(str, nodes))} {name}: {faults}")
        for node in nodes:
            await self._told(node, "devchain_setFaults", faults)
        seconds = self._dice.uniform(0.2, _LONGEST_LIE_S)

        async def be_honest() -> None:
            for node in nodes:
                await self._told(node, "devchain_setFaults", {})

        self._later(seconds, be_honest)

    async def apis(self) -> None:
        """Let the APIs of venues hang for a while, or end and come back."""
        if self._apis_down:
            return
        self._apis_down = True
        hang = self._dice.random() < _HANG_NOT_END
        self._note("apis", "hang" if hang else "killed")
        if hang:
            self._apis.pause()
        else:
            self._apis.kill()

        async def mend() -> None:
            if hang:
                self._apis.resume()
            else:
                await self._apis.start()
            self._apis_down = False

        self._later(self._dice.uniform(0.2, _LONGEST_HANG_S), mend)

    async def fork(self) -> None:
        """Take back some blocks, with all that was in them."""
        blocks = self._dice.randint(1, _MOST_TAKEN_BACK)
        self._note("fork", f"{blocks} blocks")
        await self._told(0, "devchain_fork", blocks)

    def _drawn(self, most: float | bool) -> float | bool:
        if isinstance(most, bool):
            return most
        if isinstance(most, int):
            return self._dice.randint(1, most)
        return round(self._dice.uniform(0.1, most), 2)

    async def _told(self, node: int, method: str, *params: Any) -> None:
        with suppress(httpx.TransportError):  # A chain that is down is struck already.
            await self._chain.ask(node, method, *params)

    def _take_down(self, longest_s: float, mend: Callable[[], Awaitable[None]]) -> None:
        self._down = True

        async def mended() -> None:
            await mend()
            self._down = False

        self._later(self._dice.uniform(0.05, longest_s), mended)

    def _later(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        async def wait_and_act() -> None:
            await asyncio.sleep(seconds)
            await act()

        task = asyncio.create_task(wait_and_act())
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)


Strike: TypeAlias = Callable[[Strikes], Coroutine[Any, Any, None]]

FAULTS: dict[str, Strike] = {
    "devchain": Strikes.devchain,
    "stall": Strikes.stall,
    "lie": Strikes.lie,
    "fork": Strikes.fork,
    "apis": Strikes.apis,
}
