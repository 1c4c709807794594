"""Router and executor on a chain that drops, forks, forgets to answer and is killed: one swap each.

Swaps are counted on the chain, by the ids that travel in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from decimal import Decimal
from pathlib import Path

from solders.pubkey import Pubkey

from shared.clock import utc_now
from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OutcomeContradicted,
    TransactionExpired,
    TransactionSigned,
)
from shared.orders.order import replay
from shared.orders.states import State
from shared.orders.values import Route
from shared.solana.addresses import Mint, token_account
from shared.streams.log.log import Log
from shared.tokens.registry import load_tokens
from tests.integration.onchain.conftest import Desk
from tests.support.builders import an_intent, routed, submitted
from tests.support.eventually import eventually
from tests.support.onchain import (
    EXPIRY,
    FINAL,
    a_wallet,
    making_blocks,
    on,
    trading,
    venues_on,
)
from tests.support.outcomes import settled
from tests.support.replicas import events_of, submit


class Orders:
    """Orders that a test follows."""

    def __init__(self, log: Log, ids: Sequence[str]) -> None:
        self.ids = ids
        self._log = log

    @classmethod
    async def placed(cls, log: Log, count: int) -> Orders:
        orders = [submitted(at=utc_now()) for _ in range(count)]
        await submit(log, *orders)
        return cls(log, [order.order_id for order in orders])

    async def histories(self) -> list[list[OrderEvent]]:
        return [await events_of(self._log, order_id) for order_id in self.ids]

    async def states(self) -> list[State | None]:
        orders = [replay(events) for events in await self.histories()]
        return [order.state if order else None for order in orders]

    async def are(self, *states: State) -> bool:
        return set(await self.states()) <= set(states)

    async def any_is(self, state: State) -> bool:
        return state in await self.states()

    async def have(self, kind: type[OrderEvent]) -> bool:
        return all(any(isinstance(e, kind) for e in one) for one in await self.histories())


async def landed(desk: Desk, ids: Collection[str]) -> bool:
    return desk.chain.landed(desk.wallet).keys() == set(ids)


def swapped_once(desk: Desk, ids: Collection[str]) -> bool:
    return desk.chain.landed(desk.wallet) == dict.fromkeys(ids, 1)


async def test_orders_survive_the_chains_death_and_replay(desk: Desk, log: Log) -> None:
    chain = desk.chain
    async with trading(log, desk.settings):
        orders = await Orders.placed(log, 12)
        await eventually(lambda: orders.any_is(State.SENT))
        chain.kill()
        await asyncio.to_thread(chain.start)  # Meanwhile the services meet a chain that is away.
        await making_blocks(chain, lambda: orders.are(State.CONFIRMED))

    assert swapped_once(desk, orders.ids)


async def test_a_send_whose_answer_is_lost_swaps_once(desk: Desk, log: Log) -> None:
    chain = desk.chain
    chain.faults(methods=["sendTransaction"], lostReply=1)
    async with trading(log, desk.settings):
        orders = await Orders.placed(log, 5)
        await making_blocks(chain, lambda: landed(desk, orders.ids))
        stuck = await orders.states()
        chain.faults()
        await making_blocks(chain, lambda: orders.are(State.CONFIRMED))

    assert set(stuck) == {State.SIGNED}
    assert swapped_once(desk, orders.ids)


async def test_what_is_dropped_is_proven_dead_before_it_is_signed_anew(
    desk: Desk, log: Log
) -> None:
    chain = desk.chain
    chain.faults(neverLands=1)
    async with trading(log, desk.settings):
        orders = await Orders.placed(log, 20)
        await eventually(lambda: orders.are(State.SENT))
        chain.step(EXPIRY)
        await eventually(lambda: orders.have(TransactionExpired))
        chain.faults()
        await making_blocks(chain, lambda: orders.are(State.CONFIRMED))

    for events in await orders.histories():
        decisive = [
            type(event)
            for event in events
            if isinstance(event, TransactionSigned | TransactionExpired)
        ]
        again = len(decisive) // 2
        assert again >= 1
        assert decisive == [TransactionSigned, TransactionExpired] * again + [TransactionSigned]
    assert swapped_once(desk, orders.ids)


async def test_a_swap_that_a_fork_took_back_lands_again_by_the_same_bytes(
    desk: Desk, log: Log
) -> None:
    chain = desk.chain
    async with trading(log, desk.settings):
        orders = await Orders.placed(log, 3)
        await eventually(lambda: orders.are(State.SENT))
        chain.step()
        await eventually(lambda: orders.are(State.CONFIRMED))
        chain.fork(1)
        forgotten = chain.landed(desk.wallet)

        await making_blocks(chain, lambda: landed(desk, orders.ids))
        chain.step(FINAL)
        await eventually(lambda: settled(log, "executor"))

    assert not forgotten
    assert swapped_once(desk, orders.ids)
    assert {type(events[-1]) for events in await orders.histories()} == {OrderConfirmed}


async def test_a_swap_that_lands_anew_at_another_price_is_told_with_its_new_amounts(
    desk: Desk, log: Log, tmp_path: Path
) -> None:
    chain, only = desk.chain, {"venues": "raydium", "split_pools": 1}
    settings = desk.settings.model_copy(update={**only, "rpc_urls": chain.urls[0]})
    wallets, other = a_wallet(tmp_path, "other")
    chain.give(other)
    chain.step()
    held = usdc(desk)
    async with (
        venues_on(on(chain, settings, wallets, rpc_urls=chain.urls[1])) as venues,
        trading(log, settings),
    ):
        orders = await Orders.placed(log, 1)
        await eventually(lambda: orders.are(State.SENT))
        chain.step()
        await eventually(lambda: orders.are(State.CONFIRMED))
        chain.faults(0, neverLands=1)  # The other one comes first.
        chain.fork(1)
        quote = await venues["raydium"].quote(an_intent("20"))
        before = routed(Route(quote=quote, min_out=Decimal(0)), intent=an_intent("20"))
        await venues["raydium"].send(await venues["raydium"].build(before))
        chain.step()
        chain.faults()
        await making_blocks(chain, lambda: landed(desk, orders.ids))
        chain.step(FINAL)
        await eventually(lambda: orders.have(OutcomeContradicted))

    [[*_, confirmed, told]] = await orders.histories()
    order = replay([*(await orders.histories())[0]])
    assert isinstance(confirmed, OrderConfirmed)
    assert isinstance(told, OutcomeContradicted)
    assert (told.kind, told.signature) == ("landedAnew", confirmed.signature)
    assert order
    assert order.receipt
    assert order.receipt.amount_out == usdc(desk) - held != confirmed.receipt.amount_out


def usdc(desk: Desk) -> Decimal:
    """Return what the wallet has, by the chain's own word."""
    mint = Mint(Pubkey.from_string(load_tokens("").by_name["USDC"].mint))
    account = str(token_account(desk.wallet, mint))
    told = desk.chain.ask("getTokenAccountBalance", account, {"commitment": "processed"})
    return Decimal(told["value"]["amount"]).scaleb(-6)


async def test_a_swap_that_is_gone_for_good_contradicts_its_order(desk: Desk, log: Log) -> None:
    chain = desk.chain
    async with trading(log, desk.settings):
        orders = await Orders.placed(log, 3)
        await eventually(lambda: orders.are(State.SENT))
        chain.step()
        await eventually(lambda: orders.are(State.CONFIRMED))
        chain.faults(neverLands=1)
        chain.fork(1)
        chain.step(EXPIRY - 2)
        early = await orders.have(OutcomeContradicted)
        chain.step(2)
        await eventually(lambda: orders.have(OutcomeContradicted))

    assert not early
    assert swapped_once(desk, [])
    for *_, confirmed, told in await orders.histories():
        assert isinstance(confirmed, OrderConfirmed)
        assert isinstance(told, OutcomeContradicted)
        assert (told.kind, told.signature) == ("rolledBack", confirmed.signature)
