"""What this Slipstream is made of, and whether all of it is well."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import Access, Caller, caller_of
from services.gateway.figures.pulse import Pulse
from services.gateway.figures.servers import Answered, answered
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code
from services.gateway.openapi.figures import SystemView
from services.gateway.openapi.operations import problems, reply
from shared.archive.archive import Archive
from shared.clock import rfc3339, utc_now
from shared.concurrency.ticked import Ticked
from shared.solana.rpc.errors import RpcError
from shared.solana.rpc.nodes import Nodes
from shared.solana.rpc.replies import Call
from shared.streams.consumer.backlog import GroupNow, groups_now
from shared.streams.log.epoch import epoch_of
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites
from shared.venues.protocol import VenueUnavailable

_FRESH_S: Final = 1.0
_CONFIRMED: Final = [{"commitment": "confirmed"}]
_HEIGHT: Final = (Call("getSlot", _CONFIRMED, int), Call("getBlockHeight", _CONFIRMED, int))


class Look(NamedTuple):
    """What a look at everything found. What a server that is away would know is None."""

    redis: Answered[str]  # The epoch of the log.
    postgres: Answered[None]
    chain: Answered[dict[str, Any]] | None  # None for the simulated one: it lives in Redis.
    groups: Sequence[GroupNow] | None
    redis_trouble: str

    def servers(self) -> list[dict[str, Any]]:
        """Return the servers as clients see them."""
        shown = [self.redis.shown("redis", self.redis_trouble), self.postgres.shown("postgres")]
        return [*shown, self.chain.shown("chain")] if self.chain else shown


class System:
    """Looks at the whole system, once a second however many ask."""

    def __init__(  # noqa: PLR0913 - one parameter a thing that is looked at
        self,
        log: Log,
        archive: Archive,
        pulse: Pulse,
        lost_writes: LostWrites,
        access: Access,
        *,
        chain: str,
        nodes: Nodes | None,
    ) -> None:
        """`chain` is the chain's name, `nodes` are those of one that is not simulated."""
        self._log, self._archive, self._pulse = log, archive, pulse
        self._lost_writes, self._access = lost_writes, access
        self._chain, self._nodes = chain, nodes
        self._version = version("slipstream-engine")
        self._slot, self._slot_since_s = 0, 0.0
        self.look: Ticked[None, Look] = Ticked(self._look, _FRESH_S)

    async def __call__(self, caller: Caller) -> dict[str, Any]:
        """Return the whole, whatever of it is away."""
        look, beats = await asyncio.gather(self.look(None), answered(self._pulse()))
        return {
            "network": self._chain,
            "version": self._version,
            "now": rfc3339(utc_now()),
            "epoch": look.redis.answer,
            "you": {"account": caller.account, "role": caller.role.name.lower()},
            "access": "open" if self._access.is_open else "keys",
            "partitions": self._log.keys.partitions,
            "replicas": beats.answer and [replica.shown() for replica in beats.answer.replicas],
            "groups": None if look.groups is None else list(map(_shown, look.groups)),
            "servers": look.servers(),
            "chain": look.chain and look.chain.answer,
        }

    async def _look(self, _key: None) -> Look:
        redis, postgres, groups, chain = await asyncio.gather(
            answered(epoch_of(self._log)),
            answered(self._archive.ping()),
            answered(groups_now(self._log)),
            self._ask_chain(),
        )
        trouble = self._lost_writes.why() or self._log.client.refusals.why()
        return Look(redis, postgres, chain, groups.answer, trouble)

    async def _ask_chain(self) -> Answered[dict[str, Any]] | None:
        if self._nodes is None:
            return None
        return await answered(self._height(self._nodes))

    async def _height(self, nodes: Nodes) -> dict[str, Any]:
        slot, height = await nodes.ask(_HEIGHT)
        for said in (slot, height):
            if isinstance(said, RpcError):
                raise VenueUnavailable(str(said))
        now_s = asyncio.get_running_loop().time()
        if slot != self._slot:
            self._slot, self._slot_since_s = slot, now_s
        age_ms = round(1_000 * (now_s - self._slot_since_s))
        return {"slot": slot, "blockHeight": height, "ageMs": age_ms}


def _shown(group: GroupNow) -> dict[str, Any]:
    return {
        "name": group.name,
        "lag": group.lag,
        "pending": group.pending,
        "oldestMs": group.oldest_ms,
    }


def system_routes(system: System) -> APIRouter:
    """Return the route that shows the system."""
    router = APIRouter(prefix="/api", tags=["operation"], route_class=BareRoute)

    async def get_system(request: Request) -> Response:
        """Show what this Slipstream is made of: network, replicas, groups, servers, the chain.

        At most a second old, and never 503: `servers` says which of them is away, and what only
        that one knows is null. A replica is `stale` 15 s after its last heartbeat, and forgotten
        after an hour, or when it leaves.
        """
        return json_answer(await system(caller_of(request)))

    router.add_api_route(
        "/system",
        get_system,
        responses={200: reply(SystemView, "The system"), **problems(Code.INTERNAL_ERROR)},
    )
    return router
