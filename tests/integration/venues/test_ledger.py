"""The simulated chain: what it takes, what it refuses, and what it tells afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from shared.orders.values import FailureReason, Receipt
from shared.streams.redis.client import Client
from shared.venues.ledger import Fate, Ledger, Swap
from shared.venues.protocol import (
    Expired,
    Failed,
    Landed,
    Pending,
    Unknown,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)
from tests.support.builders import a_transaction
from tests.support.eventually import eventually
from tests.support.servers import Valkey

HOUR_MS = 3_600_000
NEVER = 10**15  # A height that no test sees.


@pytest_asyncio.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    connected = await Client.connect(redis_url)
    yield connected
    await connected.close()


@pytest_asyncio.fixture
async def other_client(redis_url: str) -> AsyncIterator[Client]:
    connected = await Client.connect(redis_url)
    yield connected
    await connected.close()


@pytest.fixture
def ledger(client: Client, namespace: str) -> Ledger:
    return a_ledger(client, namespace)


def a_ledger(client: Client, namespace: str, *, retention_s: float = 60) -> Ledger:
    return Ledger(client, namespace=namespace, retention_s=retention_s)


def a_swap(
    signature: str = "sig", *, order_id: str = "order", fate: Fate = Fate.LANDS, out: str = "224.5"
) -> Swap:
    return Swap(
        order_id=order_id,
        signature=signature,
        venue="raydium",
        token_in="SOL",
        token_out="USDC",
        amount_in=Decimal("1.5"),
        amount_out=Decimal(out),
        fate=fate,
    )


async def landed(ledger: Ledger) -> list[Swap]:
    return [swap async for swap in ledger.landed()]


async def test_a_transaction_is_pending_until_its_delay_is_over(ledger: Ledger) -> None:
    began = time.monotonic()
    await ledger.accept(a_swap("soon"), delay_ms=500, valid_until=NEVER)
    await ledger.accept(a_swap("late"), delay_ms=HOUR_MS, valid_until=NEVER)

    receipt = Receipt(amount_in=Decimal("1.5"), amount_out=Decimal("224.5"))

    async def soon_has_landed() -> bool:
        return await ledger.status(["soon", "late"]) == [Landed(receipt), Pending()]

    assert await eventually(soon_has_landed)
    assert time.monotonic() - began > 0.49


async def test_the_fate_decides_the_answer(ledger: Ledger) -> None:
    for fate in Fate:
        await ledger.accept(a_swap(fate.value, fate=fate), delay_ms=0, valid_until=NEVER)

    answers = dict(zip(Fate, await ledger.status([fate.value for fate in Fate]), strict=True))
    slippage, failure = answers[Fate.SLIPPAGE_EXCEEDED], answers[Fate.FAILS]

    assert isinstance(answers[Fate.LANDS], Landed)
    assert isinstance(slippage, Failed)
    assert slippage.reason is FailureReason.SLIPPAGE_EXCEEDED
    assert isinstance(failure, Failed)
    assert failure.reason is FailureReason.FAILED_ON_CHAIN
    assert answers[Fate.NEVER_LANDS] == Unknown()


async def test_answers_come_in_the_order_of_the_question(ledger: Ledger) -> None:
    await ledger.accept(a_swap("pending"), delay_ms=HOUR_MS, valid_until=NEVER)
    await ledger.accept(a_swap("landed"), delay_ms=0, valid_until=NEVER)

    answers = await ledger.status(["landed", "never seen", "pending", "landed"])

    assert [type(answer) for answer in answers] == [Landed, Unknown, Pending, Landed]


async def test_asking_for_nothing_answers_nothing(ledger: Ledger) -> None:
    assert await ledger.status([]) == []


async def test_a_repeat_while_pending_is_taken_and_changes_nothing(ledger: Ledger) -> None:
    await ledger.accept(a_swap(out="224.5"), delay_ms=HOUR_MS, valid_until=NEVER)
    await ledger.accept(a_swap(out="1"), delay_ms=0, valid_until=NEVER)

    assert await ledger.status(["sig"]) == [Pending()]
    assert await landed(ledger) == [a_swap(out="224.5")]


@pytest.mark.parametrize("fate", [Fate.LANDS, Fate.FAILS, Fate.SLIPPAGE_EXCEEDED])
async def test_a_repeat_of_a_decided_transaction_is_refused(ledger: Ledger, fate: Fate) -> None:
    await ledger.accept(a_swap(fate=fate), delay_ms=0, valid_until=NEVER)

    with pytest.raises(VenueRejected, match="already processed"):
        await ledger.accept(a_swap(), delay_ms=0, valid_until=NEVER)


async def test_a_forgotten_transaction_stays_unknown_however_often_it_is_sent(
    ledger: Ledger,
) -> None:
    await ledger.accept(a_swap(fate=Fate.NEVER_LANDS), delay_ms=0, valid_until=NEVER)
    await ledger.accept(a_swap(fate=Fate.LANDS), delay_ms=0, valid_until=NEVER)

    assert await ledger.status(["sig"]) == [Unknown()]
    assert await landed(ledger) == []


async def test_an_order_with_two_signatures_is_swapped_twice_and_it_shows(ledger: Ledger) -> None:
    await ledger.accept(a_swap("first", order_id="twice"), delay_ms=0, valid_until=NEVER)
    await ledger.accept(a_swap("second", order_id="twice"), delay_ms=0, valid_until=NEVER)

    swaps = await landed(ledger)

    assert [(swap.order_id, swap.signature) for swap in swaps] == [
        ("twice", "first"),
        ("twice", "second"),
    ]


async def test_two_replicas_share_one_chain(
    client: Client, other_client: Client, namespace: str
) -> None:
    mine, theirs = a_ledger(client, namespace), a_ledger(other_client, namespace)
    await mine.accept(a_swap(), delay_ms=0, valid_until=NEVER)

    with pytest.raises(VenueRejected):
        await theirs.accept(a_swap(), delay_ms=0, valid_until=NEVER)

    assert await landed(theirs) == [a_swap()]


async def test_two_namespaces_are_two_chains(client: Client, namespace: str) -> None:
    await a_ledger(client, namespace).accept(a_swap(), delay_ms=0, valid_until=NEVER)

    elsewhere = a_ledger(client, f"{namespace}x")

    assert await elsewhere.status(["sig"]) == [Unknown()]
    assert await landed(elsewhere) == []


async def test_entries_tell_every_fate_and_landed_only_swaps(ledger: Ledger) -> None:
    swaps = [a_swap(fate.value, fate=fate) for fate in Fate]
    for swap in swaps:
        await ledger.accept(swap, delay_ms=0, valid_until=NEVER)

    assert [swap async for swap in ledger.entries()] == swaps
    assert await landed(ledger) == [a_swap("lands")]


async def test_a_long_ledger_is_read_whole(ledger: Ledger) -> None:
    swaps = (a_swap(f"{i}") for i in range(2_500))
    await asyncio.gather(*(ledger.accept(s, delay_ms=0, valid_until=NEVER) for s in swaps))

    assert [swap.signature for swap in await landed(ledger)] == [f"{i}" for i in range(2_500)]


async def test_the_chain_forgets_after_its_retention(client: Client, namespace: str) -> None:
    ledger = a_ledger(client, namespace, retention_s=HOUR_MS / 1_000)
    await ledger.accept(a_swap(), delay_ms=0, valid_until=NEVER)

    keys = await client.call("KEYS", f"{namespace}:*")
    kept_ms = [await client.call("PTTL", key) for key in keys]
    assert len(keys) == 2
    assert all(HOUR_MS / 2 < left <= HOUR_MS for left in kept_ms)


async def test_a_pending_transaction_is_not_forgotten_before_it_lands(
    client: Client, namespace: str
) -> None:
    ledger = a_ledger(client, namespace, retention_s=0.001)
    await ledger.accept(a_swap(), delay_ms=HOUR_MS, valid_until=NEVER)

    assert await ledger.status(["sig"]) == [Pending()]
    assert await client.call("PTTL", f"{namespace}:{{chain}}:tx:sig") > HOUR_MS / 2


async def test_a_chain_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    valkey.start()
    client = await Client.connect(valkey.url)
    ledger = a_ledger(client, "slip")
    valkey.kill()

    with pytest.raises(VenueUnreachable):
        await ledger.accept(a_swap(), delay_ms=0, valid_until=NEVER)
    with pytest.raises(VenueUnreachable):
        await ledger.status(["sig"])
    await client.close()


async def test_a_chain_that_answers_with_an_error_is_unavailable(
    ledger: Ledger, client: Client, namespace: str
) -> None:
    await client.call("HSET", f"{namespace}:{{chain}}:tx:sig", "not", "a transaction")

    with pytest.raises(VenueUnavailable, match="WRONGTYPE"):
        await ledger.accept(a_swap(), delay_ms=0, valid_until=NEVER)
    with pytest.raises(VenueUnavailable, match="WRONGTYPE"):
        await ledger.status(["sig"])


async def test_a_transaction_is_taken_up_to_its_last_block(client: Client, namespace: str) -> None:
    ledger = Ledger(client, namespace=namespace, retention_s=60, block_ms=HOUR_MS)
    now = await ledger.last_block() - 150
    await ledger.accept(a_swap("in time"), delay_ms=0, valid_until=now + 1)

    with pytest.raises(VenueRejected, match=f"valid up to block {now - 1}"):
        await ledger.accept(a_swap("late"), delay_ms=0, valid_until=now - 1)

    assert await landed(ledger) == [a_swap("in time")]


async def test_what_would_land_past_its_last_block_never_does(ledger: Ledger) -> None:
    last = await ledger.last_block()
    await ledger.accept(a_swap("slow"), delay_ms=HOUR_MS, valid_until=last)

    assert await ledger.status(["slow"]) == [Unknown()]
    assert await landed(ledger) == []


async def test_a_node_that_is_behind_knows_only_what_came_before(
    client: Client, namespace: str
) -> None:
    ledger = Ledger(client, namespace=namespace, retention_s=60, block_ms=20)
    await ledger.accept(a_swap(), delay_ms=0, valid_until=NEVER)

    async def has_caught_up() -> bool:
        return await ledger.status(["sig"], behind=10) != [Unknown()]

    assert await ledger.status(["sig"], behind=HOUR_MS) == [Unknown()]
    await eventually(has_caught_up)


async def test_a_search_by_a_node_that_is_behind_or_pruned_proves_nothing(
    client: Client, namespace: str
) -> None:
    ledger = Ledger(client, namespace=namespace, retention_s=60, block_ms=1, valid_blocks=10)
    dead = a_transaction("dead", valid_until=await ledger.last_block())

    async def is_proven() -> bool:
        return isinstance((await ledger.search([dead]))[0], Expired)

    await eventually(is_proven)
    assert await ledger.search([dead], behind=50_000) == [Unknown()]
    assert await ledger.search([dead], pruned=True) == [Unknown()]


async def test_transactions_taken_together_are_answered_each_for_itself(ledger: Ledger) -> None:
    last = await ledger.last_block()
    await ledger.accept(a_swap("known"), delay_ms=0, valid_until=NEVER)
    limits = {"new": last, "late": last - 1_000, "known": last}
    said = await asyncio.gather(
        *(ledger.accept(a_swap(s), delay_ms=0, valid_until=at) for s, at in limits.items()),
        return_exceptions=True,
    )

    assert said[0] is None
    assert "this is block" in str(said[1])
    assert "already processed" in str(said[2])
    assert [swap.signature for swap in await landed(ledger)] == ["known", "new"]
