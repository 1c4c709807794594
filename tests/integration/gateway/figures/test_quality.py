"""How well orders were done by venue: those that the caller may see, and the newest only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from services.gateway.access.api_keys import line_for, new_key
from services.gateway.openapi.figures import QualityView
from shared.archive.archive import Archive
from shared.archive.figures import quality as module
from shared.clock import rfc3339, utc_now
from shared.orders.events import OrderConfirmed, OrderEvent, OrderFailed
from shared.orders.values import FailureReason
from slipstream import AsyncClient
from tests.support.archive import recorded
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway

ADMIN, ALICE = new_key(), new_key()


@pytest_asyncio.fixture
async def stocked(
    redis_url: str, namespace: str, database_url: str, archive: Archive, tmp_path: Path
) -> AsyncIterator[Gateway]:
    """Return a gateway with a Postgres, and keys of an admin and of Alice."""
    keys = tmp_path / "keys.jsonl"
    lines = ((ADMIN, "boss", "admin"), (ALICE, "alice", "read"))
    keys.write_text("\n".join(line_for(*line, "") for line in lines))
    settings = gateway_settings(
        redis_url, namespace, database_url=database_url, api_keys_file=str(keys)
    )
    async with running_gateway(settings) as running:
        yield running


def moved(events: list[OrderEvent], ago: timedelta, account: str = "bob") -> list[OrderEvent]:
    by = utc_now() - ago - events[0].at
    first = replace(events[0], account=account)
    return [replace(event, at=event.at + by) for event in (first, *events[1:])]


def done(
    paid: str = "225", took_s: float = 2, account: str = "bob", ago_s: float = 60
) -> list[OrderEvent]:
    """Return an order that was quoted 225 by raydium and paid so much."""
    *before, end = moved(history(ending="confirmed"), timedelta(seconds=ago_s), account)
    assert isinstance(end, OrderConfirmed)
    receipt = replace(end.receipt, amount_out=Decimal(paid))
    at = before[0].at + timedelta(seconds=took_s)
    return [*before, replace(end, at=at, receipt=receipt)]


def lost(reason: FailureReason) -> list[OrderEvent]:
    """Return an order that failed at raydium."""
    events = moved(history(ending="sent"), timedelta(seconds=60))
    last = events[-1]
    return [*events, OrderFailed(**last.next(last.at), reason=reason, detail="", attempts=1)]


async def quality(gateway: Gateway, key: str = ADMIN, since: datetime | None = None) -> Any:
    """Return the quality once Postgres was reached: the first connection may take its time."""
    params = {"since": rfc3339(since)} if since else {}
    found: dict[str, Any] = {}

    async def is_told() -> bool:
        nonlocal found
        answer = await gateway.http.get("/api/quality", params=params, headers={"X-API-Key": key})
        assert answer.status_code == 200, answer.text
        QualityView.model_validate_json(answer.content)
        found = answer.json()
        return not found["notes"]

    await eventually(is_told)
    return found


async def test_what_was_paid_is_told_against_what_was_quoted(
    stocked: Gateway, archive: Archive
) -> None:
    paid = ("222.75", "224.55", "225", "225.45", "227.25")  # -100, -20, 0, 20 and 100 bps.
    await archive.store(recorded(*(done(amount, took_s=2) for amount in paid)))
    told = await quality(stocked)
    [venue] = told["venues"]

    assert (told["orders"], venue["venue"], venue["confirmed"]) == (5, "raydium", 5)
    assert venue["vsQuoteBps"] == {"p5": "-100.00", "p50": "0.00", "p95": "100.00"}
    assert venue["tookMs"] == {"p50": 2_000, "p99": 2_000}


async def test_failures_are_told_by_reason_the_most_frequent_first(
    stocked: Gateway, archive: Archive
) -> None:
    slipped = [lost(FailureReason.SLIPPAGE_EXCEEDED) for _ in range(2)]
    unrouted = moved(history(ending="failed"), timedelta(seconds=60))
    await archive.store(recorded(done(), *slipped, lost(FailureReason.FAILED_ON_CHAIN), unrouted))
    raydium, none = (await quality(stocked))["venues"]

    assert list(raydium["fails"].items()) == [("SLIPPAGE_EXCEEDED", 2), ("FAILED_ON_CHAIN", 1)]
    assert (raydium["confirmed"], raydium["failed"]) == (1, 3)
    assert (none["venue"], none["fails"], none["tookMs"]["p50"]) == (None, {"NO_ROUTE": 1}, None)


async def test_orders_of_others_count_for_nobody_but_admins(
    stocked: Gateway, archive: Archive
) -> None:
    await archive.store(recorded(done(), done(), done(account="alice")))

    assert (await quality(stocked, ALICE))["orders"] == 1
    assert (await quality(stocked, ADMIN))["orders"] == 3


async def test_the_last_hour_is_told_unless_another_time_is_asked_for(
    stocked: Gateway, archive: Archive
) -> None:
    await archive.store(recorded(done(), done(ago_s=3_700)))
    hour = await quality(stocked)
    more = await quality(stocked, since=utc_now() - timedelta(hours=2))

    assert (hour["orders"], more["orders"]) == (1, 2)


async def test_orders_on_their_way_do_not_count(stocked: Gateway, archive: Archive) -> None:
    await archive.store(recorded(done(), moved(history(ending="sent"), timedelta(seconds=60))))

    assert (await quality(stocked))["orders"] == 1


async def test_no_more_than_the_newest_are_looked_at(
    stocked: Gateway, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ORDERS", 2)
    monkeypatch.setattr("services.gateway.figures.quality.MOST_ORDERS", 2)
    await archive.store(recorded(done("225", ago_s=50), done("225", ago_s=40), done("1")))
    told = await quality(stocked)

    assert (told["orders"], told["truncated"]) == (2, True)
    assert told["venues"][0]["vsQuoteBps"]["p5"] == "0.00"


async def test_the_client_reads_the_quality(stocked: Gateway, archive: Archive) -> None:
    await archive.store(recorded(done("222.75")))
    await quality(stocked)
    async with AsyncClient(f"http://{stocked.address}", api_key=ADMIN) as client:
        found = await client.quality(since=utc_now() - timedelta(hours=1))

    assert found.venues is not None
    assert found.venues[0].vs_quote_bps.p50 == Decimal("-100.00")


async def test_without_postgres_nothing_is_told_and_why(gateway: Gateway) -> None:
    answer = await gateway.http.get("/api/quality")

    assert answer.status_code == 200
    assert (answer.json()["venues"], answer.json()["orders"]) == (None, None)
    assert answer.json()["notes"][0].startswith("PostgreSQL: ")


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "until=2026-01-01T12:00:00Z", "since=1", "since=2026-01-01T12:00:00"],
)
async def test_a_query_that_makes_no_sense_is_refused(gateway: Gateway, query: str) -> None:
    answer = await gateway.http.get(f"/api/quality?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY")
