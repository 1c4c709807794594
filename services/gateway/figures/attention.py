"""What needs somebody now: gathered from Redis, PostgreSQL, the chain and the heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import Caller, Role, caller_of
from services.gateway.figures import items
from services.gateway.figures.items import Item
from services.gateway.figures.order_items import of_orders
from services.gateway.figures.pulse import Beats, Pulse
from services.gateway.figures.servers import Answered, answered
from services.gateway.figures.system import Look, System
from services.gateway.figures.wallets import seen_by
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code
from services.gateway.openapi.figures import AttentionView
from services.gateway.openapi.operations import problems, reply
from shared.archive.archive import Archive
from shared.archive.figures.troubles import Troubles
from shared.clock import rfc3339, utc_now
from shared.concurrency.ticked import Ticked
from shared.streams.log.log import Log
from shared.streams.recovery.dead_letters import letters_kept
from shared.tokens.amounts import from_atoms
from shared.venues.health.book import Kept, kept
from shared.venues.onchain.chain import SolanaChain

_FRESH_S: Final = 2.0
_MOST: Final = 50
_AT_ONCE: Final = 100  # Accounts that getMultipleAccounts takes.
_SOL_DECIMALS: Final = 9


class _Common(NamedTuple):
    """What is the same for every caller; None where the server that knows it is away."""

    look: Look
    beats: Answered[Beats]
    letters: Answered[tuple[int, datetime | None]]
    record: Answered[Kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What knows of trouble. `chain` is None for the simulated one, which has no wallets."""

    log: Log
    archive: Archive
    pulse: Pulse
    system: System
    venues: Sequence[str]
    chain: SolanaChain | None
    least_sol: Decimal


class Attention:
    """Gathers what needs somebody, every two seconds however many ask."""

    def __init__(self, sources: Sources) -> None:
        self._of = sources
        self._common: Ticked[None, _Common] = Ticked(self._look, _FRESH_S)
        self._orders: Ticked[str | None, Answered[Troubles]] = Ticked(self._troubles, _FRESH_S)
        self._sol: Ticked[tuple[str, ...], Answered[dict[str, Decimal]]] = Ticked(
            self._held, _FRESH_S
        )

    async def __call__(self, caller: Caller) -> dict[str, Any]:
        """Return what the caller may know of, the worst first; `notes` tell of what may lack."""
        account = None if caller.role is Role.ADMIN else caller.account
        chain, now = self._of.chain, utc_now()
        wallets = tuple(wallet.name for wallet in seen_by(caller, chain)) if chain else ()
        common, orders, sol = await asyncio.gather(
            self._common(None), self._orders(account), self._sol(wallets)
        )
        found = items.in_order(
            [
                *(of_orders(orders.answer, now) if orders.answer else ()),
                *items.of_wallets(sol.answer or {}, self._of.least_sol),
                *self._of_all(common, now),
            ]
        )
        return {
            "asOf": rfc3339(now),
            "items": [item.shown() for item in found[:_MOST]],
            "more": max(0, len(found) - _MOST),
            "notes": list(_notes(common, orders, sol)),
        }

    def _of_all(self, common: _Common, now: datetime) -> Iterator[Item]:
        yield from items.of_servers(common.look.servers())
        yield from items.of_groups(common.look.groups or (), now)
        if common.letters.answer:
            yield from items.of_dead_letters(*common.letters.answer)
        if common.beats.answer:
            yield from items.of_replicas(common.beats.answer.replicas, now)
        if common.record.answer:
            yield from items.of_venues(common.record.answer.seen, self._of.venues)

    async def _look(self, _key: None) -> _Common:
        return _Common(
            *await asyncio.gather(
                self._of.system.look(None),
                answered(self._of.pulse()),
                answered(letters_kept(self._of.log)),
                answered(kept(self._of.log)),
            )
        )

    async def _troubles(self, account: str | None) -> Answered[Troubles]:
        return await answered(self._of.archive.troubles(account, utc_now()))

    async def _held(self, names: tuple[str, ...]) -> Answered[dict[str, Decimal]]:
        return await answered(self._sol_of(names))

    async def _sol_of(self, names: tuple[str, ...]) -> dict[str, Decimal]:
        held: dict[str, Decimal] = {}
        if (chain := self._of.chain) is None:
            return held
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            read = await chain.state.accounts(tuple(chain.wallets.all[n].address for n in some))
            for name, account in zip(some, read.accounts, strict=True):
                held[name] = from_atoms(account.lamports if account else 0, _SOL_DECIMALS)
        return held


def _notes(
    common: _Common, orders: Answered[Troubles], sol: Answered[dict[str, Decimal]]
) -> Iterable[str]:
    if orders.why:
        yield f"Orders were not looked at. PostgreSQL: {orders.why}"
    if sol.why:
        yield f"Wallets were not looked at. The chain: {sol.why}"
    if why := common.beats.why or common.letters.why or common.record.why:
        yield f"Replicas, venues and dead letters were not all looked at. Redis: {why}"
    if common.look.groups is None:
        yield "The lag of groups was not looked at: Redis is away."


def attention_routes(attention: Attention) -> APIRouter:
    """Return the route that shows what needs somebody."""
    router = APIRouter(prefix="/api", tags=["operation"], route_class=BareRoute)

    async def get_attention(request: Request) -> Response:
        """Show what needs somebody, the worst first, each with one thing to do; none is good.

        Orders and wallets are those that the caller may see, the rest is of the whole system. Of
        each kind of order five are named, and then how many more there are. There is no 503:
        `notes` say what could not be looked at.
        """
        return json_answer(await attention(caller_of(request)))

    router.add_api_route(
        "/attention",
        get_attention,
        responses={200: reply(AttentionView, "The items"), **problems(Code.INTERNAL_ERROR)},
    )
    return router
