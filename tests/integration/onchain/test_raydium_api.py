"""Raydium's API as a venue: its word is held against the question, and never trusted."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageAddressTableLookup, MessageV0
from solders.pubkey import Pubkey

from services.executor.__main__ import make_executor
from shared.clock import utc_now
from shared.orders.events import OrderRouted, RouteExpired
from shared.orders.states import State
from shared.orders.values import Quote, Route, SwapIntent
from shared.solana.addresses import Mint, token_account
from shared.streams.log.log import Log
from shared.venues.protocol import (
    BuildFailed,
    FirewallRefused,
    Landed,
    RouteGone,
    VenueRejected,
    VenueUnavailable,
)
from shared.venues.raydium_api.venue import RaydiumApiVenue
from tests.integration.onchain.conftest import Desk
from tests.support.builders import an_intent, routed, submitted
from tests.support.hostile import HOSTILE, Answer, Scene, Swap
from tests.support.onchain import making_blocks, the_order, venues_on
from tests.support.raydium_api import Json, RaydiumApi, compiled, raydium_api, unsigned
from tests.support.replicas import a_router, events_of, placed, running
from tests.support.web import Site

SOL_OUT = SwapIntent(
    token_in="USDC", token_out="SOL", amount_in=Decimal("250.000001"), max_slippage_bps=50
)


@dataclass(frozen=True)
class Api:
    venue: RaydiumApiVenue
    api: RaydiumApi
    site: Site


@pytest_asyncio.fixture
async def there(desk: Desk, log: Log) -> AsyncIterator[Api]:
    async with raydium_api(desk.settings, log, desk.chain) as (venue, api, site):
        yield Api(venue, api, site)


def at_least(quote: Quote, slippage_bps: int = 0) -> Route:
    return Route(quote=quote, min_out=quote.amount_out * (10_000 - slippage_bps) / 10_000)


async def swapped(there: Api, desk: Desk, intent: SwapIntent) -> tuple[Quote, Landed]:
    quote = await there.venue.quote(intent)
    signed = await there.venue.build(routed(at_least(quote), intent=intent))
    await there.venue.send(signed)
    desk.chain.step()
    [answer] = await there.venue.status([signed.signature])
    assert isinstance(answer, Landed)
    return quote, answer


@pytest.mark.parametrize(
    "intent",
    [
        an_intent("1.5"),
        SOL_OUT,
        SwapIntent(
            token_in="USDC", token_out="USDT", amount_in=Decimal("99.5"), max_slippage_bps=0
        ),
    ],
    ids=lambda intent: f"{intent.token_in} into {intent.token_out}",
)
async def test_what_the_api_says_comes_to_the_atom_and_as_raydium_would_pay_it(
    there: Api, desk: Desk, intent: SwapIntent
) -> None:
    async with venues_on(desk.settings) as venues:
        own = await venues["raydium"].quote(intent)
    quote, landed = await swapped(there, desk, intent)

    assert landed.receipt.amount_out == quote.amount_out == own.amount_out
    assert landed.receipt.amount_in == intent.amount_in
    assert quote.fee_bps == own.fee_bps
    assert quote.network_fee == own.network_fee


async def test_the_whole_answer_goes_back_and_the_accounts_are_ours(there: Api, desk: Desk) -> None:
    await swapped(there, desk, an_intent())
    *_, price, plan = there.site.asked
    asked = plan.json

    assert asked["swapResponse"]["data"]["inputAmount"] == price.query["amount"]
    assert asked["swapResponse"]["success"] is True
    assert (asked["wrapSol"], asked["unwrapSol"]) == (False, False)
    assert asked["wallet"] == str(desk.wallet)


def changed(**fields: object) -> Callable[[Json], Json]:
    return lambda answer: {**answer, "data": {**answer["data"], **fields}}


def hop(**fields: object) -> Callable[[Json], Json]:
    return lambda answer: changed(
        routePlan=[{**answer["data"]["routePlan"][0], **fields}],
    )(answer)


def said(**fields: object) -> Callable[[Json], Json]:
    return lambda answer: {**answer, **fields}


USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
WRONG_PRICES: dict[str, tuple[Callable[[Json], Any], type[Exception], str]] = {
    "no": (said(success=False, msg="ROUTE_NOT_FOUND"), VenueRejected, "ROUTE_NOT_FOUND"),
    "no, without a word": (said(success=False, data=None), VenueRejected, "says no"),
    "nothing": (said(data=None), VenueUnavailable, "cannot be read"),
    "a list": (lambda answer: [answer], VenueUnavailable, "cannot be read"),
    "another mint in": (changed(inputMint=USDT), VenueUnavailable, "another swap"),
    "another mint out": (changed(outputMint=USDT), VenueUnavailable, "another swap"),
    "the other way": (changed(swapType="BaseOut"), VenueUnavailable, "another swap"),
    "another slippage": (changed(slippageBps=5_000), VenueUnavailable, "another swap"),
    "an atom more": (changed(inputAmount="1500000001"), VenueUnavailable, "another amount"),
    "a referrer's share": (changed(referrerAmount="1"), VenueUnavailable, "another amount"),
    "no amount": (changed(outputAmount="0", otherAmountThreshold="0"), VenueUnavailable, "amount"),
    "half an atom": (changed(outputAmount="1.5"), VenueUnavailable, "amounts are none"),
    "2^64 atoms": (changed(outputAmount=str(2**64)), VenueUnavailable, "amounts are none"),
    "more at least": (changed(otherAmountThreshold=str(2**63)), VenueUnavailable, "amount out"),
    "impact without end": (changed(priceImpactPct="Infinity"), VenueUnavailable, "impact"),
    "no pools": (changed(routePlan=[]), VenueRejected, "routes through 0 pools"),
    "no pool": (hop(poolId="nonsense"), VenueUnavailable, "whose pool is none"),
    "a pool that is none": (hop(poolId=USDT), VenueRejected, "no pool of the CPMM program"),
    "another route": (hop(inputMint=USDT), VenueUnavailable, "another route"),
}


@pytest.mark.parametrize("wrong", WRONG_PRICES)
async def test_a_price_that_answers_another_question_is_none(there: Api, wrong: str) -> None:
    there.api.change_price, kind, why = WRONG_PRICES[wrong]

    with pytest.raises(kind, match=why):
        await there.venue.quote(an_intent())


async def test_a_route_of_two_pools_is_refused_by_their_number(there: Api) -> None:
    there.api.change_price = lambda answer: changed(routePlan=answer["data"]["routePlan"] * 2)(
        answer
    )

    with pytest.raises(VenueRejected, match="routes through 2 pools"):
        await there.venue.quote(an_intent())


def twice(answer: Json) -> Json:
    return {**answer, "data": answer["data"] * 2}


def doubled(*fields: str) -> Callable[[Json], Json]:
    """Return a price of twice as much: nobody can pay it."""
    return lambda answer: changed(
        **{field: str(2 * int(answer["data"][field])) for field in fields}
    )(answer)


WRONG_PLANS: dict[str, tuple[Callable[[Json], Any], str]] = {
    "no": (said(success=False, msg="REQ_WALLET_ERROR"), "REQ_WALLET_ERROR"),
    "two transactions": (twice, "plans 2 transactions"),
    "none": (said(data=[]), "plans 0 transactions"),
    "no base64": (said(data=[{"transaction": "?"}]), "without a transaction"),
    "no list": (said(data={"transaction": "?"}), "cannot be read"),
}


@pytest.mark.parametrize("wrong", WRONG_PLANS)
async def test_a_plan_that_is_none_has_the_order_go_elsewhere(there: Api, wrong: str) -> None:
    quote = await there.venue.quote(an_intent())
    there.api.change_plan, why = WRONG_PLANS[wrong]

    with pytest.raises(BuildFailed, match=why):
        await there.venue.build(routed(at_least(quote)))


@pytest.mark.parametrize(("status", "kind"), [(429, VenueUnavailable), (503, VenueUnavailable)])
async def test_an_api_that_is_ill_refuses_quotes_and_has_orders_go_elsewhere(
    there: Api, status: int, kind: type[Exception]
) -> None:
    quote = await there.venue.quote(an_intent())
    there.api.instead = lambda _asked: web.Response(status=status, headers={"Retry-After": "0"})

    with pytest.raises(BuildFailed):
        await there.venue.build(routed(at_least(quote)))
    with pytest.raises(kind):
        await there.venue.quote(an_intent())


async def test_a_price_that_fell_is_gone_and_one_within_the_slippage_is_asked_for_again(
    there: Api, desk: Desk
) -> None:
    quote = await there.venue.quote(an_intent())
    async with venues_on(desk.settings) as venues:
        raydium = venues["raydium"]
        other = an_intent("50")
        sale = await raydium.build(routed(at_least(await raydium.quote(other)), intent=other))
        await raydium.send(sale)
        desk.chain.step()
    now = await there.venue.quote(an_intent())

    with pytest.raises(RouteGone, match="are asked"):
        await there.venue.build(routed(at_least(quote)))
    asked = len(there.site.asked)
    signed = await there.venue.build(routed(Route(quote=quote, min_out=now.amount_out)))

    assert now.amount_out < quote.amount_out
    assert [one.method for one in there.site.asked[asked:]] == ["GET", "GET", "POST"]
    assert signed.signature


async def routes_of(there: Api, desk: Desk, log: Log) -> tuple[list[str], list[RouteExpired]]:
    """Return where an order went that the chain confirmed, and the routes that it lost."""
    async with venues_on(desk.settings) as others:
        venues = {"raydium": others["raydium"], "raydium_api": there.venue}
        router = a_router(log, desk.settings, list(venues.values()))
        executor = make_executor(log, desk.settings, venues)
        async with (
            running(log, "router", router, desk.settings),
            running(log, "executor", executor, desk.settings),
        ):
            order = await placed(log, submitted(intent=an_intent(), at=utc_now()))

            async def is_confirmed() -> bool:
                return (await the_order(log, order.order_id)).state is State.CONFIRMED

            await making_blocks(desk.chain, is_confirmed)
    assert desk.chain.landed(desk.wallet)[order.order_id] == 1
    events = await events_of(log, order.order_id)
    routes = [event.route.venue for event in events if isinstance(event, OrderRouted)]
    return routes, [event for event in events if isinstance(event, RouteExpired)]


async def test_an_order_that_the_api_does_not_build_is_swapped_by_another_venue(
    there: Api, desk: Desk, log: Log
) -> None:
    there.api.change_price = doubled("outputAmount", "otherAmountThreshold")
    there.api.change_plan = said(success=False, msg="REQ_WALLET_ERROR")
    routes, [lost] = await routes_of(there, desk, log)

    assert routes == ["raydium_api", "raydium"]
    assert (lost.venue, lost.failed, lost.why) == ("raydium_api", True, "REQ_WALLET_ERROR")


async def test_an_order_comes_back_once_to_a_venue_whose_price_was_gone(
    there: Api, desk: Desk, log: Log
) -> None:
    there.api.change_price = doubled("outputAmount")
    routes, lost = await routes_of(there, desk, log)

    assert routes == ["raydium_api", "raydium_api", "raydium"]
    assert not any(event.failed for event in lost)
    assert all("are asked" in event.why for event in lost)


async def test_an_order_is_swapped_by_the_api_where_it_pays_most(
    there: Api, desk: Desk, log: Log
) -> None:
    routes, lost = await routes_of(there, desk, log)

    assert (routes, lost) == (["raydium_api"], [])


def forging(honest: Instruction) -> Swap:
    """Return the API's swap, of which any part may be forged."""

    def swap(
        *,
        authority: Pubkey | None = None,
        pays: Pubkey | None = None,
        receives: Pubkey | None = None,
        amount_in: int | None = None,
        min_out: int | None = None,
    ) -> Instruction:
        metas = list(honest.accounts)
        for at, key in ((0, authority), (4, pays), (5, receives)):
            if key is not None:
                metas[at] = AccountMeta(key, metas[at].is_signer, metas[at].is_writable)
        name, *amounts = struct.unpack("<8sQQ", honest.data)
        given, least = (
            honest if forged is None else forged
            for honest, forged in zip(amounts, (amount_in, min_out), strict=True)
        )
        return Instruction(honest.program_id, struct.pack("<8sQQ", name, given, least), metas)

    return swap


def as_transaction(answer: Answer) -> bytes:
    """Return what an API gives back to be signed."""
    if not answer.tables:
        return compiled(answer.payer, answer.instructions)
    plain = MessageV0.try_compile(answer.payer, answer.instructions, [], Hash.default())
    lookups = [MessageAddressTableLookup(table, b"\0", b"") for table in answer.tables]
    return unsigned(
        MessageV0(
            plain.header, plain.account_keys, plain.recent_blockhash, plain.instructions, lookups
        )
    )


@pytest.mark.parametrize("how", HOSTILE)
async def test_no_hostile_transaction_is_signed_and_each_refusal_says_why(
    there: Api, how: str
) -> None:
    quote = await there.venue.quote(an_intent())
    order = routed(at_least(quote, 100))
    terms = (await there.venue.chain.signing.swap(order)).terms
    savings = token_account(terms.wallet, Mint(Pubkey.from_string(USDT)))
    hostile, scenes = HOSTILE[how], list[Scene]()

    def compile_hostile(_payer: Pubkey, instructions: Sequence[Instruction]) -> bytes:
        swap = forging(instructions[-1])
        scenes.append(Scene(terms, swap, savings, there.venue.chain.signing.max_cu_price))
        return as_transaction(hostile.answer(scenes[0]))

    there.api.compile = compile_hostile
    with pytest.raises(FirewallRefused) as refused:
        await there.venue.build(order)

    assert any(words in str(refused.value) for words in hostile.said(scenes[0])), refused.value
    assert "instruction" in str(refused.value) or "the message" in str(refused.value)


async def test_the_same_transaction_without_anything_hostile_is_signed(there: Api) -> None:
    quote = await there.venue.quote(an_intent())

    assert (await there.venue.build(routed(at_least(quote, 100)))).signature


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff" * 1_232])
async def test_bytes_that_are_no_transaction_are_refused(there: Api, payload: bytes) -> None:
    quote = await there.venue.quote(an_intent())
    there.api.compile = lambda _payer, _instructions: payload

    with pytest.raises(FirewallRefused, match=r"no transaction|fee payer"):
        await there.venue.build(routed(at_least(quote)))
