"""What the doctor makes of what it sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.doctor.findings import (
    judge_backlog,
    judge_clock,
    judge_database,
    judge_dead,
    judge_server,
    judge_standing,
)
from shared.archive.server_info import DatabaseFacts
from shared.streams.consumer.backlog import Backlog
from shared.streams.recovery.lost_writes import Gap
from shared.streams.redis.server_info import ServerFacts

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


def server(
    product: str = "Valkey", version: str = "9.1.2", settings: dict[str, str] = SAFE
) -> ServerFacts:
    return ServerFacts(product=product, version=version, settings=settings, now=NOON)


def backlog(lag: int | None = 0, pending: int = 0, oldest_s: float = 0) -> Backlog:
    return Backlog(
        partition=0,
        lag=lag,
        pending=pending,
        retrying=0,
        oldest_pending_s=oldest_s,
        parked=0,
        last_delivered="0-0",
    )


def test_a_server_that_keeps_everything_is_well() -> None:
    assert {finding.grade for finding in judge_server(server())} == {"ok"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [("appendonly", "no"), ("appendfsync", "everysec"), ("maxmemory-policy", "allkeys-lru")],
)
def test_a_setting_that_breaks_a_promise_comes_with_the_right_one(setting: str, value: str) -> None:
    [broken] = [
        finding
        for finding in judge_server(server(settings={**SAFE, setting: value}))
        if finding.grade == "broken"
    ]

    assert broken.what == f"{setting} {value}"
    assert f"CONFIG SET {setting} {SAFE[setting]}" in broken.advice


@pytest.mark.parametrize(
    ("product", "version", "grade"),
    [
        ("Redis", "6.2.14", "broken"),
        ("Redis", "7.0.0", "ok"),
        ("Redis", "8.2.1", "ok"),
        ("Valkey", "7.2.9", "broken"),
        ("Valkey", "8.0.1", "ok"),
        ("Valkey", "10.0.0", "ok"),
    ],
)
def test_a_server_that_is_too_old_is_broken(product: str, version: str, grade: str) -> None:
    assert judge_server(server(product, version))[0].grade == grade


def test_a_server_that_hides_its_settings_is_not_called_broken() -> None:
    grades = [finding.grade for finding in judge_server(server(settings={}))]

    assert grades == ["ok", "note"]


def test_a_database_without_its_tables_is_broken() -> None:
    facts = DatabaseFacts(version=180_006, missing=("0002_orders.sql",), now=NOON)
    version, migrations = judge_database(facts)

    assert (version.grade, version.what) == ("ok", "PostgreSQL 18.6")
    assert (migrations.grade, "0002_orders.sql" in migrations.what) == ("broken", True)


def test_halted_orders_are_broken_and_point_to_the_command() -> None:
    facts = DatabaseFacts(version=180_006, missing=(), now=NOON, halted=2)
    [*_, finding] = judge_database(facts)

    assert (finding.grade, finding.what) == ("broken", "2 orders are halted")
    assert finding.advice == "see `slipstream dead list`"


def test_a_redis_that_lost_writes_is_broken_and_says_what_to_do() -> None:
    finding = judge_standing([Gap(7, (1, 0), (2, 5))])

    assert judge_standing([]).grade == "ok"
    assert finding.grade == "broken"
    assert "07: 1-0, not 2-5" in finding.what
    assert "accept-loss" in finding.advice


def test_a_database_that_nothing_can_be_stored_in_is_broken_and_says_why() -> None:
    facts = DatabaseFacts(version=180_006, missing=(), now=NOON, closed="the role 'x' may not")
    [_, finding, *_] = judge_database(facts)

    assert (finding.grade, "the role 'x' may not" in finding.what) == ("broken", True)


@pytest.mark.parametrize(
    ("part", "grade"),
    [
        (backlog(lag=9, pending=3, oldest_s=2), "ok"),
        (backlog(lag=None), "ok"),
        (backlog(lag=50_000), "note"),
        (backlog(pending=1, oldest_s=600), "broken"),
    ],
)
def test_a_group_is_judged_by_its_oldest_entry_and_its_lag(part: Backlog, grade: str) -> None:
    assert judge_backlog("router", [part], 1).grade == grade


def test_a_group_that_is_missing_somewhere_is_broken() -> None:
    assert judge_backlog("router", [backlog()], 2).grade == "broken"


def test_dead_letters_are_broken_and_point_to_the_command() -> None:
    assert judge_dead(0).grade == "ok"
    assert (judge_dead(2).grade, judge_dead(2).advice) == ("broken", "see `slipstream dead list`")


@pytest.mark.parametrize(("skew_s", "grade"), [(0, "ok"), (1.5, "ok"), (-3, "note"), (3, "note")])
def test_clocks_that_disagree_are_noted(skew_s: float, grade: str) -> None:
    assert judge_clock("Valkey", NOON + timedelta(seconds=skew_s), NOON).grade == grade
