"""Nothing is called dead that may still land, whatever some of the nodes say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.orders.values import SignedTransaction
from shared.venues.protocol import Answer, Expired, Landed, Unknown, Venue
from tests.contract.test_venues import signed
from tests.integration.onchain.conftest import Desk
from tests.support.nodes import Change, between, replies, stubbed
from tests.support.onchain import EXPIRY, FINAL, Devchain, venues_on

VALID = 150


@pytest_asyncio.fixture
async def raydium(desk: Desk) -> AsyncIterator[Venue]:
    async with venues_on(desk.settings) as venues:
        yield venues["raydium"]


async def searched(venue: Venue, transaction: SignedTransaction) -> Answer:
    [answer] = await venue.search([transaction])
    return answer


@pytest.mark.parametrize("node", [0, 1])
@pytest.mark.parametrize(
    "fault",
    [{"lagSlots": 64}, {"pruned": True}, {"unavailable": 1}, {"lostReply": 1}],
    ids=["lags", "is pruned", "is away", "says nothing"],
)
async def test_two_nodes_prove_it_and_not_one_alone(
    raydium: Venue, chain: Devchain, node: int, fault: dict[str, Any]
) -> None:
    unsent = await signed(raydium)
    chain.step(EXPIRY)

    chain.faults(node, **fault)
    doubted = await searched(raydium, unsent)
    chain.faults()
    proven = await searched(raydium, unsent)

    assert doubted == Unknown()
    assert isinstance(proven, Expired)


@pytest.mark.parametrize("node", [0, 1])
async def test_the_one_node_that_knows_it_is_right(
    raydium: Venue, chain: Devchain, node: int
) -> None:
    sent = await signed(raydium)
    await raydium.send(sent)
    chain.faults(node, forgets=1)
    chain.step()
    [asked] = await raydium.status([sent.signature])

    chain.step(EXPIRY)
    found = await searched(raydium, sent)

    assert isinstance(asked, Landed) == (node == 1)  # The first one is asked.
    assert isinstance(found, Landed)
    assert found.final


def ahead(by: int) -> Change:
    """Return how a node lies about its height, and its slot with it."""

    def change(method: str, result: Any) -> Any:
        if method == "getEpochInfo":
            result["blockHeight"] += by
            result["absoluteSlot"] += by
        return result

    return change


async def test_a_node_that_lies_about_its_height_proves_nothing(desk: Desk) -> None:
    chain = desk.chain
    async with between(chain.urls[1], ahead(10_000)) as liar:
        urls = f"{liar.url},{chain.urls[0]}"
        async with venues_on(desk.settings.model_copy(update={"rpc_urls": urls})) as venues:
            late = await signed(venues["raydium"])
            chain.step(VALID)
            early = await searched(venues["raydium"], late)
            await venues["raydium"].send(late)
            chain.step()
            [landed] = await venues["raydium"].status([late.signature])

    assert early == Unknown()
    assert isinstance(landed, Landed)


async def test_a_node_that_lies_about_the_last_height_shortens_no_transactions_life(
    desk: Desk,
) -> None:
    chain = desk.chain

    def change(method: str, result: Any) -> Any:
        if method == "getLatestBlockhash":
            result["value"]["lastValidBlockHeight"] -= VALID
        return result

    async with between(chain.urls[0], change) as liar:
        urls = ",".join([liar.url, *chain.urls])
        async with venues_on(desk.settings.model_copy(update={"rpc_urls": urls})) as venues:
            late = await signed(venues["raydium"])
            chain.step(VALID)
            early = await searched(venues["raydium"], late)
            await venues["raydium"].send(late)
            chain.step()
            found = await searched(venues["raydium"], late)

    assert late.valid_until + FINAL < chain.height()
    assert early == Unknown()
    assert isinstance(found, Landed)


async def test_a_node_that_answers_with_garbage_stops_no_proof(desk: Desk) -> None:
    chain = desk.chain
    hash_ = chain.ask("getGenesisHash")
    made_up = {"getGenesisHash": hash_}
    async with stubbed(
        lambda asked: _ready(replies(asked, lambda call: made_up.get(call["method"], {"a": 1})))
    ) as garbage:
        urls = ",".join([garbage.url, *chain.urls])
        async with venues_on(desk.settings.model_copy(update={"rpc_urls": urls})) as venues:
            unsent = await signed(venues["raydium"])
            chain.step(EXPIRY)
            proven = await searched(venues["raydium"], unsent)

    assert isinstance(proven, Expired)


async def _ready(answer: Any) -> Any:
    return answer


async def test_what_a_fork_took_back_is_unknown_and_lands_by_the_same_bytes(
    raydium: Venue, chain: Devchain
) -> None:
    sent = await signed(raydium)
    await raydium.send(sent)
    chain.step(20)
    [there] = await raydium.status([sent.signature])

    chain.fork(20)
    gone = await searched(raydium, sent)
    await raydium.send(sent)
    chain.step()
    again = await searched(raydium, sent)

    assert isinstance(there, Landed)
    assert not there.final
    assert gone == Unknown()
    assert isinstance(again, Landed)


async def test_one_url_twice_is_one_witness_and_one_host_is_enough_where_there_is_no_other(
    desk: Desk,
) -> None:
    chain = desk.chain
    [url, _] = chain.urls
    async with venues_on(desk.settings.model_copy(update={"rpc_urls": f"{url},{url}/"})) as venues:
        unsent = await signed(venues["raydium"])
        chain.step(EXPIRY)
        proven = await searched(venues["raydium"], unsent)

    assert isinstance(proven, Expired)
    assert proven.proof.count("finalized height") == 1
