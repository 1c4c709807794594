"""Each kind of trouble is named while it is there, with one thing to do, and to its own only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace
from solders.keypair import Keypair

from devchain.genesis import accounts
from services.gateway.access.api_keys import line_for, new_key
from services.gateway.figures import attention as module
from services.gateway.openapi.figures import AttentionView
from shared.archive.archive import Archive
from shared.clock import utc_now
from shared.observability.replicas import Note
from shared.orders.events import OrderConfirmed, OrderEvent, OutcomeContradicted
from shared.orders.states import State
from shared.orders.values import Receipt
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.figures.heartbeats import Heartbeats
from shared.streams.recovery.dead_letters import replay
from shared.venues.health.book import Book, fading_of
from shared.venues.health.breaker import IN_A_ROW, Breaker
from slipstream import AsyncClient
from tests.support.archive import recorded
from tests.support.builders import history
from tests.support.devchain import SOL, Desk, born
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.proxy import Proxy

ADMIN, ALICE = new_key(), new_key()


@pytest.fixture(autouse=True)
def _looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be told from before: each test asks about what has just changed."""
    monkeypatch.setattr(module, "_FRESH_S", 0.0)


@pytest_asyncio.fixture
async def stocked(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> AsyncIterator[Gateway]:
    """Return a gateway with a Postgres."""
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


async def attention(gateway: Gateway, key: str = "") -> dict[str, Any]:
    headers = {"X-API-Key": key} if key else {}
    answer = await gateway.http.get("/api/attention", headers=headers)
    assert answer.status_code == 200, answer.text
    AttentionView.model_validate_json(answer.content)
    told: dict[str, Any] = answer.json()
    return told


async def items(gateway: Gateway, kind: str, key: str = "") -> list[dict[str, Any]]:
    """Return the items of a kind, once everything was looked at."""

    async def all_is_looked_at() -> bool:  # The first connection may take longer than a look waits.
        notes = (await attention(gateway, key))["notes"]
        return kind not in ("unresolvedOrder", "contradiction", "conflict") or not notes

    await eventually(all_is_looked_at)
    return [one for one in (await attention(gateway, key))["items"] if one["kind"] == kind]


def shifted(
    events: list[OrderEvent], account: str = "public", ago_s: float = 300
) -> list[OrderEvent]:
    """Return a history whose last event was so long ago, of an account."""
    by = utc_now() - timedelta(seconds=ago_s) - events[-1].at
    first = replace(events[0], account=account)
    return [replace(event, at=event.at + by) for event in (first, *events[1:])]


def contradicted(account: str = "public", ago_s: float = 300) -> list[OrderEvent]:
    events = history(ending="failed")
    turned = OutcomeContradicted(
        **events[-1].next(events[-1].at), state=State.FAILED, signature="5sig", detail="it landed"
    )
    return shifted([*events, turned], account, ago_s)


async def test_nothing_is_told_where_all_is_well(stocked: Gateway) -> None:
    async def is_well() -> bool:
        told = await attention(stocked)
        assert (told["items"], told["notes"]) == ([], [])
        return True

    assert await eventually(is_well)


async def test_an_order_without_an_answer_is_named_after_a_minute(
    stocked: Gateway, archive: Archive
) -> None:
    old, new = history(ending="unresolved"), history(ending="unresolved")
    await archive.store(recorded(shifted(old, ago_s=61), shifted(new, ago_s=30)))
    [item] = await items(stocked, "unresolvedOrder")

    assert item["orderId"] == old[0].order_id
    assert item["severity"] == "warning"
    assert item["action"]["command"] == f"slipstream orders show {old[0].order_id}"
    assert item["since"] < utc_now().isoformat()
    confirmed = OrderConfirmed(
        **shifted(old)[-1].next(utc_now()),
        venue="raydium",
        signature="5sig",
        receipt=Receipt(amount_in=Decimal("1.5"), amount_out=Decimal(225)),
        price=Decimal(150),
    )
    await archive.store(recorded([confirmed]))
    assert await items(stocked, "unresolvedOrder") == []


async def test_five_orders_are_named_and_then_how_many_more_there_are(
    stocked: Gateway, archive: Archive
) -> None:
    await archive.store(recorded(*(shifted(history(ending="unresolved")) for _ in range(8))))
    *named, more = await items(stocked, "unresolvedOrder")

    assert len({item["orderId"] for item in named}) == 5
    assert (more["orderId"], more["text"]) == (None, "3 more orders are unresolved.")


async def test_a_contradicted_end_is_named_for_a_day(stocked: Gateway, archive: Archive) -> None:
    lately, long_ago = contradicted(), contradicted(ago_s=86_401)
    await archive.store(recorded(lately, long_ago))
    [item] = await items(stocked, "contradiction")

    assert (item["orderId"], item["severity"]) == (lately[0].order_id, "critical")
    assert "ended as failed" in item["text"]


async def test_a_halted_order_is_named_until_it_is_settled(
    stocked: Gateway, archive: Archive
) -> None:
    events = history(ending="confirmed")
    other = replace(events[-1], at=events[-1].at + timedelta(seconds=1))
    await archive.store(recorded(events))
    await archive.store(recorded([other]))
    [item] = await items(stocked, "conflict")
    await archive.settle(events[0].order_id)

    assert (item["orderId"], item["severity"]) == (events[0].order_id, "critical")
    assert item["action"]["command"] == f"slipstream dead show {events[0].order_id}"
    assert await items(stocked, "conflict") == []


async def test_dead_letters_are_told_until_they_are_given_back(stocked: Gateway) -> None:
    await stocked.submit()
    group = Group(stocked.log, "router", "one")
    [delivery] = await group.read(range(4), 1, 1)
    assert isinstance(delivery, Delivery)
    await group.bury(delivery, "unreadable")
    [item] = await items(stocked, "deadLetters")
    [letter] = [
        f"{p:02}/{page[0][0].decode()}"
        for p in range(4)
        if (page := await stocked.log.client.call("XRANGE", stocked.log.keys.dead(p), "-", "+"))
    ]
    await replay(stocked.log, letter)

    assert item["text"].startswith("1 entry was put aside")
    assert item["since"] is not None
    assert await items(stocked, "deadLetters") == []


async def told(gateway: Gateway, kind: str, *, times: int) -> list[dict[str, Any]]:
    """Return the items of a kind once there are so many: servers are looked at once a second."""

    async def is_told() -> bool:
        return len(await items(gateway, kind)) == times

    await eventually(is_told)
    return await items(gateway, kind)


async def test_a_group_that_is_late_is_told(gateway: Gateway) -> None:
    log = gateway.log
    stream = log.keys.stream(0, "router")
    seconds, _ = await log.client.call("TIME")
    await log.client.call("XADD", stream, f"{int(seconds) - 70}000-0", "event", "{}")
    [item] = await told(gateway, "lag", times=1)
    await log.client.call("XGROUP", "SETID", stream, "router", "$")

    assert item["severity"] == "critical"
    assert item["text"].startswith("The router is 7")
    assert item["text"].endswith(" s late: 1 entry is before it, 0 in hand.")
    assert await told(gateway, "lag", times=0) == []


async def test_a_replica_that_fell_silent_is_told_until_it_is_heard_again(
    gateway: Gateway, namespace: str
) -> None:
    beats = Heartbeats(gateway.log.client, namespace)
    note = Note(
        service="router", version="1", started_at=utc_now(), loop_delay_ms=0, rss_bytes=None
    )
    written = msgspec.json.encode(note)
    await beats.beat("router-1", written, {})
    await gateway.log.client.call("ZINCRBY", beats._keys[1], -15_001, "router-1")
    [item] = await told(gateway, "staleReplica", times=1)
    await beats.beat("router-1", written, {})

    assert item["text"] == "The router router-1 fell silent without leaving; no other is up."
    assert item["severity"] == "critical"
    assert await told(gateway, "staleReplica", times=0) == []


async def test_one_of_several_that_fell_silent_is_a_warning_for_five_minutes(
    gateway: Gateway, namespace: str
) -> None:
    beats = Heartbeats(gateway.log.client, namespace)
    note = Note(
        service="gateway", version="1", started_at=utc_now(), loop_delay_ms=0, rss_bytes=None
    )
    await beats.beat("gateway-2", msgspec.json.encode(note), {})
    await gateway.log.client.call("ZINCRBY", beats._keys[1], -15_001, "gateway-2")
    [item] = await told(gateway, "staleReplica", times=1)

    assert item["text"].endswith("; 1 other is up.")
    assert item["severity"] == "warning"

    await gateway.log.client.call("ZINCRBY", beats._keys[1], -300_000, "gateway-2")

    assert await told(gateway, "staleReplica", times=0) == []


async def test_a_venue_that_routers_pass_over_is_told_until_it_is_up(gateway: Gateway) -> None:
    book, ill, fading = Book(), Breaker(), fading_of(gateway.log)
    for _ in range(IN_A_ROW):
        ill.failed("answers 503", 0)
    book.breakers = {"raydium": Breaker(), "meteora": ill}
    await book.exchange(fading, "router-1")
    [item] = await items(gateway, "venueDown")
    ill.answered(1)
    await book.exchange(fading, "router-1")

    assert item["severity"] == "warning"
    assert item["text"] == "meteora is passed over by 1 of 1 routers: answers 503"
    assert await items(gateway, "venueDown") == []


async def test_without_postgres_that_is_told_and_orders_are_not_looked_at(gateway: Gateway) -> None:
    [item] = await items(gateway, "serverDown")
    notes = (await attention(gateway))["notes"]

    assert item["text"].startswith("PostgreSQL is away: ")
    assert item["severity"] == "warning"
    assert [note.partition(".")[0] for note in notes] == ["Orders were not looked at"]


async def test_without_redis_that_is_told_and_nothing_fails(shaky: Gateway, proxy: Proxy) -> None:
    await proxy.refuse()
    redis, postgres = await told(shaky, "serverDown", times=2)

    assert (redis["severity"], postgres["severity"]) == ("critical", "warning")
    assert redis["text"].startswith("Redis is away: ")
    assert len((await attention(shaky))["notes"]) == 3


@pytest.fixture
def purse(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path / "chain", genesis=born(accounts())) as desk:
        yield desk


@pytest_asyncio.fixture
async def poor(  # noqa: PLR0913, PLR0917 - pytest hands in each
    redis_url: str,
    namespace: str,
    database_url: str,
    archive: Archive,
    tmp_path: Path,
    purse: Desk,
) -> AsyncIterator[Gateway]:
    """Return a gateway on a chain where Alice's wallet has little, and another one nothing."""
    wallets, keys = tmp_path / "wallets.toml", tmp_path / "keys.jsonl"
    main, desk = Keypair().pubkey(), Keypair().pubkey()
    wallets.write_text(
        f'[main]\naddress = "{main}"\naccounts = ["bob"]\n'
        f'[desk]\naddress = "{desk}"\naccounts = ["alice"]\n'
    )
    lines = ((ADMIN, "boss", "admin"), (ALICE, "alice", "read"))
    keys.write_text("\n".join(line_for(*line, "") for line in lines))
    purse.ask("requestAirdrop", str(desk), SOL // 25)
    purse.step()
    async with purse.served() as [door]:
        settings = gateway_settings(
            redis_url,
            namespace,
            database_url=database_url,
            chain="devchain",
            rpc_urls=f"http://{door}",
            wallets_file=str(wallets),
            api_keys_file=str(keys),
        )
        async with running_gateway(settings) as running:
            yield running


async def test_orders_and_wallets_of_others_are_told_to_nobody_but_admins(
    poor: Gateway, archive: Archive
) -> None:
    hers, bobs = (shifted(history(ending="unresolved"), who) for who in ("alice", "bob"))
    halted = shifted(history(ending="confirmed"), "bob")
    await archive.store(recorded(hers, bobs, contradicted("bob"), halted))
    await archive.store(recorded([replace(halted[-1], at=utc_now())]))
    to_alice = [
        (one["kind"], one["orderId"] or one["text"])
        for kind in ("unresolvedOrder", "contradiction", "conflict", "lowBalance")
        for one in await items(poor, kind, ALICE)
    ]
    kinds = [one["kind"] for one in (await attention(poor, ADMIN))["items"]]

    assert to_alice == [
        ("unresolvedOrder", hers[0].order_id),
        ("lowBalance", "The wallet desk has 0.04 SOL left for fees and deposits."),
    ]
    assert sorted(kinds) == [
        *("conflict", "contradiction", "lowBalance", "lowBalance"),
        *("unresolvedOrder", "unresolvedOrder"),
    ]


async def test_a_wallet_is_told_until_it_has_enough(poor: Gateway, purse: Desk) -> None:
    chain = poor.parts.attention._of.chain
    assert chain is not None
    before = [one["text"] for one in await items(poor, "lowBalance", ALICE)]
    purse.ask("requestAirdrop", str(chain.wallets.all["desk"].address), SOL)
    purse.step()

    async def has_enough() -> bool:
        return not await items(poor, "lowBalance", ALICE)

    assert len(before) == 1
    assert await eventually(has_enough)


async def test_a_chain_that_does_not_answer_is_told(redis_url: str, namespace: str) -> None:
    settings = gateway_settings(
        redis_url, namespace, chain="devchain", rpc_urls="http://127.0.0.1:1"
    )
    async with running_gateway(settings) as gateway:
        found = [one["text"] for one in await items(gateway, "serverDown")]

    assert any(text.startswith("The chain is away: ") for text in found)


async def test_the_worst_comes_first(gateway: Gateway, namespace: str) -> None:
    log = gateway.log
    seconds, _ = await log.client.call("TIME")
    entry = f"{int(seconds) - 70}000-0"
    await log.client.call("XADD", log.keys.stream(0, "router"), entry, "event", "{}")
    await told(gateway, "lag", times=1)
    severities = [one["severity"] for one in (await attention(gateway))["items"]]

    assert severities == ["critical", "warning"]


async def test_the_client_reads_what_needs_somebody(gateway: Gateway) -> None:
    async with AsyncClient(f"http://{gateway.address}") as client:
        found = await client.attention()

    assert [item.kind for item in found.items] == ["serverDown"]
    assert found.items[0].action.command == "slipstream doctor"
