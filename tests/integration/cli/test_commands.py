"""The commands that look at the log and the archive, on real servers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from cli.main import app
from shared.archive.archive import Archive
from shared.archive.migrate import migrate, migrations
from shared.orders.events import TransactionSigned
from shared.settings import Settings
from shared.streams.consumer.group import Group
from shared.streams.log.halted_orders import halt
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import tell_archived
from shared.streams.redis.client import Client
from tests.support.archive import recorded
from tests.support.builders import history
from tests.support.cli import command
from tests.support.servers import new_database

Run = Callable[..., Result]


@pytest.fixture
def run(
    redis_url: str,
    database_url: str,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "NAMESPACE": namespace,
        "PARTITIONS": "2",
        "HOME": str(tmp_path),  # Nobody's own stacks are found.
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return lambda *words: CliRunner().invoke(app, list(words))


async def bury(reason: str) -> str:
    """Make one dead letter of the router, and return its id."""
    log = await Log.open(Settings.from_env())
    try:
        await log.client.call(
            *(
                "XADD",
                log.keys.stream(1, "router"),
                "*",
                "type",
                "TransactionSigned",
                "order",
                "an-order",
            ),
            *("event", '{"payload": "c2VjcmV0", "version": "none"}'),
        )
        group = Group(log, "router", "me")
        [delivery] = await group.read([1], 10, 10)
        assert await group.bury(delivery, reason)
        return f"01/{(await letters(log))[0]}"
    finally:
        await log.close()


async def letters(log: Log) -> list[str]:
    return [
        entry.decode() for entry, _ in await log.client.call("XRANGE", log.keys.dead(1), "-", "+")
    ]


def test_a_dead_letter_is_listed_shown_and_replayed_once(run: Run) -> None:
    letter_id = asyncio.run(bury("MalformedEvent: no such version\nwith more below"))
    listed = run("dead", "list")
    assert listed.exit_code == 0
    assert listed.stdout.split()[:4] == [letter_id, "router", "TransactionSigned", "an-order"]
    assert "no such version" in listed.stdout
    assert "with more below" not in listed.stdout
    assert run("dead", "list", "--group", "executor").stdout == ""

    shown = run("dead", "show", letter_id).stdout
    assert "with more below" in shown
    assert "c2VjcmV0" not in shown

    assert "replayed" in run("dead", "replay", letter_id).stdout
    assert run("dead", "list").stdout == ""
    again = run("dead", "replay", letter_id)
    assert (again.exit_code, again.stdout.split(maxsplit=1)[1]) == (1, "is not there any more\n")


def test_times_are_shown_in_utc_and_say_so(run: Run) -> None:
    letter_id = asyncio.run(bury("MalformedEvent: no such version"))
    [given_up] = re.findall(
        r"^given up +(.*)$", run("dead", "show", letter_id).stdout, re.MULTILINE
    )

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", given_up)


def test_a_database_in_another_encoding_is_named_and_not_blamed_on_migrations(
    run: Run, postgres_url: str
) -> None:
    with new_database(postgres_url, "TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'") as url:
        seen = run("doctor", "--url", "http://127.0.0.1:1", "--database-url", url).stdout
        migrated = run("migrate", "--database-url", url)

    assert "is in SQL_ASCII, not in UTF8" in seen
    assert "migrations" not in seen
    assert (migrated.exit_code, migrated.stderr.count("\n")) == (1, 1)
    assert "ENCODING 'UTF8'" in migrated.stderr


async def lose(database_url: str) -> None:
    """Let Redis know less of the archive than it was told."""
    await migrate(database_url)
    archive, log = await Archive.open(database_url), await Log.open(Settings.from_env())
    try:
        tell = partial(tell_archived, log, reached={1: (5_000, 0)})
        await archive.advance(log.keys.namespace, {1: (5_000, 0)}, tell)
        await log.client.call("SET", log.keys.archived(1), "4000-0")
    finally:
        await archive.close()
        await log.close()


def test_a_loss_is_diagnosed_and_accepted_only_when_somebody_says_so(
    run: Run, database_url: str
) -> None:
    asyncio.run(lose(database_url))
    diagnosed, asked = run("doctor").stdout, run("accept-loss")
    accepted, again = run("accept-loss", "--yes"), run("accept-loss", "--yes")

    assert "lost what it had acknowledged, in 1 partitions (01: 4000-0, not 5000-0)" in diagnosed
    assert (asked.exit_code, "second time" in asked.stderr) == (1, True)
    assert (accepted.exit_code, "accepted in 1 partitions" in accepted.stdout) == (0, True)
    assert (again.exit_code, again.stdout) == (0, "Redis has lost nothing\n")
    assert "Redis has what PostgreSQL was told it has" in run("doctor").stdout


async def contradict(database_url: str) -> str:
    """Halt an order whose signature contradicts the archive, and return its id."""
    await migrate(database_url)
    events = history(ending="sent")
    [signed] = [event for event in events if isinstance(event, TransactionSigned)]
    forged = replace(signed, at=signed.at + timedelta(seconds=1))
    archive, log = await Archive.open(database_url), await Log.open(Settings.from_env())
    try:
        stored = await archive.store(recorded(events, [forged]))
        await halt(log, stored.halted)
        return signed.order_id
    finally:
        await archive.close()
        await log.close()


def test_a_halted_order_is_listed_shown_without_its_signed_bytes_and_released_once(
    run: Run, database_url: str
) -> None:
    order_id = asyncio.run(contradict(database_url))
    listed, shown = run("dead", "list"), run("dead", "show", order_id)
    diagnosed = run("doctor").stdout
    released, again = run("dead", "release", order_id), run("dead", "release", order_id)

    assert f"TransactionSigned  {order_id}  halted" in listed.stdout
    assert "1 halted orders" in listed.stderr
    assert shown.stdout.count('"payload":"(not shown)"') == 2
    assert "broken    1 orders are halted" in diagnosed
    assert (released.exit_code, released.stdout) == (0, f"{order_id}  released\n")
    assert (again.exit_code, again.stdout) == (1, f"{order_id}  is not halted\n")
    assert run("dead", "list").stdout == ""
    assert run("dead", "show", order_id).exit_code == 1


@pytest.mark.parametrize("letter_id", ["nonsense", "99/1-1", "01/1-1"])
def test_what_is_no_dead_letter_is_said_in_one_line(run: Run, letter_id: str) -> None:
    asyncio.run(bury("why"))
    shown = run("dead", "show", letter_id)

    assert shown.exit_code == 1
    assert shown.stderr.startswith("error: ")
    assert shown.stderr.count("\n") == 1


def test_rebuild_says_how_much_it_read(run: Run, database_url: str) -> None:
    async def archive() -> None:
        await migrate(database_url)

    asyncio.run(archive())

    assert "rebuilt from 0 events" in run("rebuild").stdout


def test_migrate_names_what_it_applied_and_then_has_nothing_to_do(run: Run) -> None:
    first, second = run("migrate"), run("migrate")

    assert first.exit_code == second.exit_code == 0
    assert first.stdout == "".join(f"applied {name}\n" for name in migrations())
    assert second.stdout == "nothing to do\n"


def test_the_doctor_finds_nothing_and_makes_nothing_where_nothing_is(
    run: Run, redis_url: str, namespace: str
) -> None:
    seen = run("doctor", "--url", "http://127.0.0.1:1")

    async def keys() -> list[bytes]:
        client = await Client.connect(redis_url)
        found: list[bytes] = await client.call("KEYS", f"{namespace}:*")
        await client.close()
        return found

    assert seen.exit_code == 1
    assert "gateway at http://127.0.0.1:1" in seen.stdout
    assert f"there is no log named '{namespace}'" in seen.stdout
    assert "migrations missing" in seen.stdout
    assert asyncio.run(keys()) == []


def test_the_doctor_tells_of_groups_and_dead_letters(run: Run) -> None:
    asyncio.run(bury("why"))
    seen = run("doctor").stdout

    assert "ok        executor: lag 0, pending 0, oldest 0 s, parked 0" in seen
    assert "broken    1 dead letters" in seen
    assert "migrations missing" in seen


def test_servers_that_are_away_are_said_in_one_line(run: Run) -> None:
    for words in (
        ("dead", "list", "--redis-url", "redis://127.0.0.1:1"),
        ("rebuild", "--database-url", "postgresql://127.0.0.1:1/x"),
        ("migrate", "--database-url", "postgresql://127.0.0.1:1/x"),
        ("submit", "SOL", "USDC", "1", "--url", "http://127.0.0.1:1"),
    ):
        refused = run(*words)

        assert refused.exit_code == 1
        assert refused.stderr.startswith("error: ")
        assert refused.stderr.count("\n") == 1


async def test_a_server_that_is_no_redis_is_said_in_one_line() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        refused = await asyncio.to_thread(command, "dead", "list", "--redis-url", url)

    assert refused.returncode == 1
    assert refused.stderr.startswith("error: A server does not answer (no Redis answers there")
    assert refused.stderr.count("\n") == 1


def test_without_a_stack_or_an_address_commands_say_what_to_give(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.delenv("DATABASE_URL")

    assert "--redis-url" in run("dead", "list").stderr
    assert "--database-url" in run("rebuild").stderr


@pytest.mark.parametrize(
    "words",
    [
        *(["up"], ["demo"], ["submit"], ["watch"], ["migrate"], ["rebuild"], ["doctor"]),
        *(["dead", "list"], ["dead", "release"], ["accept-loss"], ["stats"], ["venues"]),
        *(["orders", "list"], ["orders", "show"], ["orders", "cancel"]),
        *(["market", "show"], ["market", "play"], ["market", "hold"], ["market", "go"]),
    ],
)
def test_every_command_has_help_with_an_example(run: Run, words: list[str]) -> None:
    helped = run(*words, "--help")

    assert helped.exit_code == 0
    assert f"slipstream {' '.join(words)}" in helped.stdout.partition("Example")[2]


def test_wrong_usage_exits_with_2(run: Run) -> None:
    assert run("submit", "SOL").exit_code == 2
    assert run("demo", "--orders", "0").exit_code == 2
    assert run("up", "--scale", "executor=none").exit_code == 2
