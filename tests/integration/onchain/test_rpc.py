"""URLs that fail in every way a URL can: passed over, told once, and never believed."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from solders.pubkey import Pubkey

from shared.solana.rpc.errors import ChainAway, RpcError
from shared.solana.rpc.nodes import Nodes
from shared.solana.rpc.replies import Call
from shared.venues.onchain.chain import OnChainVenue
from shared.venues.onchain.reading import ChainState, accounts_of
from tests.integration.onchain.conftest import Desk
from tests.support.builders import an_intent
from tests.support.eventually import eventually
from tests.support.nodes import Asked, Behave, Stub, between, replies, stubbed
from tests.support.onchain import venues_on

OURS, OTHER = "1" * 32, "1" * 31 + "2"
KEY = "k3y-that-nobody-may-see"
SLOT = Call("getSlot", read=int)
ACCOUNT = accounts_of((Pubkey.default(),))


def a_node(result: Any = 7, genesis: str = OURS) -> Behave:
    async def behave(asked: Asked) -> web.Response:
        return replies(
            asked, lambda call: genesis if call["method"] == "getGenesisHash" else result
        )

    return behave


def once_known(behave: Callable[[Asked], web.Response]) -> Behave:
    """Return a node of our chain that goes wrong afterwards."""

    async def answer(asked: Asked) -> web.Response:
        if asked[0]["method"] == "getGenesisHash":
            return await a_node()(asked)
        return behave(asked)

    return answer


def why_foreign(genesis: str) -> str:
    return "" if genesis == OURS else f"it is {genesis}"


@asynccontextmanager
async def nodes(*stubs: Stub, timeout_s: float = 60) -> AsyncIterator[Nodes]:
    urls = [f"{stub.url}/{KEY}" for stub in stubs]
    async with Nodes(urls, why_foreign=why_foreign, timeout_s=timeout_s) as opened:
        yield opened


def body(text: str) -> Callable[[Asked], web.Response]:
    return lambda _asked: web.Response(text=text, content_type="application/json")


def one_of(asked: Asked, **reply: object) -> web.Response:
    return web.json_response([{"jsonrpc": "2.0", "id": asked[0]["id"], **reply}])


WRONG: dict[str, Callable[[Asked], web.Response]] = {
    "429": lambda _: web.Response(status=429, headers={"Retry-After": "9"}),
    "429, by a date": lambda _: web.Response(status=429, headers={"Retry-After": "Fri, 1 Jan"}),
    "500": lambda _: web.Response(status=500, text="oops"),
    "redirects for ever": lambda _: web.Response(status=307, headers={"Location": f"/{KEY}"}),
    "no JSON": body("<html>"),
    "no UTF-8": lambda _: web.Response(body=b'[{"id":0,"result":"\xff"}]'),
    "no list": body('{"jsonrpc":"2.0","error":{"code":-1,"message":"no batches"},"id":null}'),
    "nothing": body("[]"),
    "another id": body('[{"id":5,"result":7}]'),
    "an id of text": body('[{"id":"0","result":7}]'),
    "no result": one_of,
    "a result of another kind": lambda asked: one_of(asked, result={"slot": 7}),
    "behind": lambda asked: one_of(asked, error={"code": -32005, "message": "Node is behind"}),
    "429 within": lambda asked: one_of(asked, error={"code": 429, "message": "slow down"}),
    "deep": body("[" * 100_000),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_url_whose_answer_is_none_is_passed_over_and_told_once_without_its_key(
    wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with (
        stubbed(once_known(WRONG[wrong])) as bad,
        stubbed(a_node()) as good,
        nodes(bad, good) as both,
        nodes(bad) as alone,
    ):
        assert [await both.ask([SLOT]) for _ in range(2)] == [[7], [7]]
        assert await both.ask_each([SLOT]) == [None, [7]]
        assert await both.hand_out([SLOT]) == [7]
        with pytest.raises(ChainAway) as away:
            await alone.ask([SLOT])

    told = [record.getMessage() for record in caplog.records if "passed over" in record.msg]
    assert len(told) == 2  # By both who asked it.
    assert KEY not in str(away.value) + caplog.text


async def silent(_asked: Asked) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_url_that_hangs_costs_a_question_part_of_its_time_and_the_others_nothing() -> None:
    async with (
        stubbed(silent) as bad,
        stubbed(a_node()) as good,
        nodes(bad, good, timeout_s=4) as both,
    ):
        loop = asyncio.get_running_loop()
        began = loop.time()
        first = await both.ask([SLOT])
        hung_s = loop.time() - began
        slow = both.all[0]
        how = (slow.why, slow.standing.is_slow)
        slow.rests_until = math.inf  # Its pause lasts for this test.
        order = both._in_order()

    assert first == [7]
    assert hung_s >= 4 / 8
    assert how == ("", True)  # It had no time to fail.
    assert [node.name for node in order] == [urlsplit(good.url).netloc, urlsplit(bad.url).netloc]


async def test_a_url_that_was_slow_comes_back_to_its_place_once_it_is_quick() -> None:
    stub: Stub
    async with (
        stubbed(silent) as stub,
        stubbed(a_node()) as good,
        nodes(stub, good, timeout_s=2) as both,
    ):
        await both.ask([SLOT])
        slow = both.all[0]
        stub.behave = a_node()

        async def asked_first() -> bool:
            slow.rests_until = 0.0  # Its pause has passed.
            await both.ask([SLOT])
            return both._in_order()[0] is slow

        await eventually(asked_first)


async def test_a_read_that_no_url_answers_in_time_is_a_chain_that_is_away() -> None:
    async with stubbed(silent) as one, stubbed(silent) as other:
        for stubs in ([one], [one, other]):
            async with nodes(*stubs) as opened:
                state = ChainState(opened, tick_s=0, percentile=50, max_cu_price=0, within_s=0.1)
                with pytest.raises(ChainAway):
                    await state.accounts((Pubkey.default(),))


def as_of(slot: int) -> Behave:
    return a_node({"context": {"slot": slot}, "value": [None]})


async def test_an_answer_that_is_older_than_anothers_by_too_much_is_refused() -> None:
    read = ACCOUNT
    async with stubbed(as_of(1_000)) as old, stubbed(as_of(1_026)) as new, nodes(old, new) as both:
        before = await both.ask([read])  # Nobody knows better yet.
        await both.ask_each([read])
        after = [await both.ask([read]) for _ in range(2)]

    assert [answer.slot for [answer] in (before, *after)] == [1_000, 1_026, 1_026]
    assert "slot 1000" in both.all[0].why


async def test_an_answer_a_little_behind_is_as_good_as_any() -> None:
    async with stubbed(as_of(1_000)) as old, stubbed(as_of(1_025)) as new, nodes(old, new) as both:
        await both.ask_each([ACCOUNT])
        [answer] = await both.ask([ACCOUNT])

    assert answer.slot == 1_000


async def test_with_the_newest_url_away_the_old_one_is_asked_again() -> None:
    new: Stub
    async with stubbed(as_of(1_000)) as old, stubbed(as_of(2_000)) as new, nodes(old, new) as both:
        await both.ask_each([ACCOUNT])
        assert [answer.slot for answer in await both.ask([ACCOUNT])] == [2_000]
        new.behave = once_known(WRONG["500"])
        [answer] = await both.ask([ACCOUNT])

    assert answer.slot == 1_000


async def test_a_url_that_redirects_leads_nowhere() -> None:
    async with stubbed(a_node()) as elsewhere:
        location = {"Location": f"{elsewhere.url}/rpc"}

        async def redirects(_asked: Asked) -> web.Response:
            return web.Response(status=307, headers=location)

        async with stubbed(redirects) as first, nodes(first) as alone:
            with pytest.raises(ChainAway, match="307"):
                await alone.ask([SLOT])

    assert elsewhere.requests == 0


async def test_a_url_that_wants_to_be_left_alone_is(caplog: pytest.LogCaptureFixture) -> None:
    async with stubbed(once_known(WRONG["429"])) as busy, nodes(busy) as alone:
        for _ in range(5):
            with pytest.raises(ChainAway, match="429"):
                await alone.ask([SLOT])

    assert busy.counts["getSlot"] == 1


async def test_answers_of_a_batch_go_by_their_numbers_and_a_refusal_is_one_answer() -> None:
    def shuffled(asked: Asked) -> web.Response:
        said: list[dict[str, Any]] = [
            {"id": call["id"], "result": call["params"][0]} for call in reversed(asked)
        ]
        said[1] = {"id": said[1]["id"], "error": {"code": -32602, "message": "no"}}
        return web.json_response(said)

    async with stubbed(once_known(shuffled)) as node, nodes(node) as alone:
        answers = await alone.ask([Call("getSlot", [number]) for number in range(5)])

    assert isinstance(answers[3], RpcError)
    assert [one for one in answers if not isinstance(one, RpcError)] == [0, 1, 2, 4]


async def test_a_url_of_another_chain_is_asked_nothing_and_told_once_even_after_an_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turns = count()

    async def down_first(asked: Asked) -> web.Response:
        if next(turns) == 0:
            return web.Response(status=500)
        return await a_node(genesis=OTHER)(asked)

    async with (
        stubbed(down_first) as foreign,
        stubbed(a_node()) as good,
        nodes(foreign, good) as both,
    ):
        for _ in range(4):
            assert await both.ask_each([SLOT]) == [None, [7]]

    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [OTHER in error.getMessage() for error in errors] == [True]
    assert set(foreign.counts) == {"getGenesisHash"}


@pytest.mark.parametrize("genesis", [None, 7, "no hash", {"hash": OURS}])
async def test_a_chain_that_does_not_say_which_it_is_is_nobodys(genesis: Any) -> None:
    async with (
        stubbed(a_node(genesis=genesis)) as vague,
        Nodes([vague.url], why_foreign=lambda _: "", timeout_s=60) as opened,
    ):
        with pytest.raises(ChainAway, match="getGenesisHash"):
            await opened.ask([SLOT])


async def test_a_url_that_comes_back_as_another_chain_is_noticed() -> None:
    stub: Stub
    async with stubbed(a_node()) as stub, nodes(stub) as alone:
        assert await alone.ask([SLOT]) == [7]
        stub.behave = once_known(WRONG["500"])
        with pytest.raises(ChainAway):
            await alone.ask([SLOT])
        stub.behave = a_node(genesis=OTHER)
        with pytest.raises(ChainAway, match="another chain"):
            await alone.ask([SLOT])


async def test_a_send_takes_the_one_url_that_takes_it() -> None:
    def refuses(asked: Asked) -> web.Response:
        return one_of(asked, error={"code": -32003, "message": "bad signature"})

    async with (
        stubbed(once_known(refuses)) as no,
        stubbed(once_known(WRONG["500"])) as away,
        stubbed(a_node()) as yes,
        nodes(no, away, yes) as three,
        nodes(no, away) as two,
    ):
        assert await three.hand_out([SLOT]) == [7]
        [refusal] = await two.hand_out([SLOT])

    assert isinstance(refusal, RpcError)


ASKING: list[Callable[[ChainState], Awaitable[object]]] = [
    lambda state: state.accounts((Pubkey.default(),)),
    lambda state: state.recent(),
    lambda state: state.token_account_rent(),
    lambda state: state.cu_price(()),
    lambda state: state.simulate(b""),
]

MALFORMED: list[Any] = [None, {}, {"value": {}}, {"value": [5]}, {"context": {}, "value": []}, "?"]


@pytest.mark.parametrize("ask", ASKING, ids=range(len(ASKING)))
async def test_a_state_that_cannot_be_read_is_of_a_url_that_is_away(
    ask: Callable[[ChainState], Awaitable[object]],
) -> None:
    for result in MALFORMED:
        async with stubbed(a_node(result)) as bad, nodes(bad) as alone:
            with pytest.raises(ChainAway, match="cannot be read"):
                await ask(ChainState(alone, tick_s=0, percentile=50, max_cu_price=0))


async def test_a_hundred_quotes_of_a_pair_in_a_tick_cost_one_read_of_accounts(desk: Desk) -> None:
    async with between(desk.chain.urls[0]) as way:
        told = {"rpc_urls": way.url, "quote_tick_ms": 60_000, "venues": "raydium,meteora"}
        async with venues_on(desk.settings.model_copy(update=told)) as venues:
            # Which pools there are, and what SOL is worth, is looked up more seldom.
            await asyncio.gather(*(venue.quote(an_intent("2")) for venue in venues.values()))
            found = way.counts["getMultipleAccounts"]
            one = cast(OnChainVenue, venues["raydium"])
            one.chain.state._accounts._held.clear()  # The next tick.
            quotes = await asyncio.gather(
                *(venue.quote(an_intent("2")) for venue in venues.values() for _ in range(100))
            )
            again = way.counts["getMultipleAccounts"]

    assert len({(quote.venue, quote.amount_out) for quote in quotes}) == len(venues)
    assert again - found == len(venues)
