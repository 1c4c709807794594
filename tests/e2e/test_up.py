"""`slipstream up`, from a shell's point of view."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from cli.running import find
from slipstream import Client
from tests.support.cli import FAST, Up, command, folder, up
from tests.support.databases import Databases
from tests.support.eventually import eventually


@pytest.fixture
def root() -> Iterator[Path]:
    with folder() as path:
        yield path


def place(stack: Up) -> str:
    with Client(stack.stack.gateways[0]) as client:
        return client.submit("SOL", "USDC", "1.5").order_id


def status(stack: Up, order_id: str) -> str:
    with Client(stack.stack.gateways[0]) as client:
        return client.get(order_id).status


def programs_but(left_out: str, there: Path) -> Path:
    """Return a directory with every program on the PATH but one."""
    there.mkdir()
    for folder_of in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(folder_of).glob("*"):
            if program.name != left_out:
                (there / program.name).unlink(missing_ok=True)
                (there / program.name).symlink_to(program)
    return there


class TestOnServersOfItsOwn:
    """One stack that cannot find a Prometheus. The third test ends it, the last starts it anew."""

    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls) -> Iterator[Up]:
        with folder() as root:
            env = {**FAST, "PATH": str(programs_but("prometheus", root / "bin"))}
            with up(root / "data", "--monitoring", env=env) as running:
                yield running

    @pytest.fixture(scope="class")
    @classmethod
    def order_id(cls, stack: Up) -> str:
        return place(stack)

    def test_without_a_prometheus_the_stack_runs_and_says_so(self, stack: Up) -> None:
        place(stack)

        assert "no program `prometheus` is on the PATH" in stack.output()
        assert stack.stack.prometheus is None
        assert len(stack.alive()) == 7

    async def test_a_killed_service_is_started_again_and_orders_go_on(
        self, stack: Up, order_id: str
    ) -> None:
        await eventually(lambda: status(stack, order_id) == "confirmed")
        killed = stack.pid("executor-1")
        os.kill(killed, signal.SIGKILL)
        another = place(stack)
        await eventually(lambda: status(stack, another) == "confirmed")

        assert stack.pid("executor-1") != killed
        assert f"executor-1 (pid {killed}) was killed by signal 9" in stack.output()

    def test_one_interrupt_ends_everything(self, stack: Up) -> None:
        stack.interrupt()

        assert stack.process.wait(60) == 0
        assert stack.alive() == []
        assert find(stack.layout.root) is None

    async def test_the_next_up_goes_on_and_if_it_is_killed_all_of_it_ends(
        self, stack: Up, order_id: str
    ) -> None:
        with up(stack.layout.root) as again:
            assert status(again, order_id) == "confirmed"
            assert len(again.alive()) == 7
            again.process.kill()

            await eventually(lambda: again.alive() == [])


class TestOnGivenServers:
    """One stack. The last test ends it."""

    @pytest.fixture(scope="class")
    @classmethod
    def database(cls, databases: Databases) -> Iterator[str]:
        with databases.lent() as url:
            yield url

    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, redis_url: str, database: str) -> Iterator[Up]:
        words = ("--redis-url", redis_url, "--database-url", database)
        env = {**FAST, "NAMESPACE": f"t{uuid4().hex[:12]}"}
        with folder() as root, up(root / "data", *words, env=env) as running:
            yield running

    def test_they_are_used_and_none_is_embedded(
        self, stack: Up, redis_url: str, database: str
    ) -> None:
        place(stack)

        assert (stack.stack.redis_url, stack.stack.database_url) == (redis_url, database)
        assert not {"valkey", "postgres"} & set(stack.alive())
        with psycopg.connect(database) as connection:
            connection.execute("SELECT FROM orders")

    async def test_a_second_interrupt_does_not_wait(self, stack: Up) -> None:
        # One that cannot hear the first.
        os.kill(stack.pid("router-1"), signal.SIGSTOP)
        stack.interrupt()
        await eventually(lambda: "ending" in stack.output())
        assert "router-1" in stack.alive()
        stack.interrupt()

        assert stack.process.wait(60) == 130
        assert stack.alive() == []


def test_a_port_that_is_taken_is_refused(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = command("up", "--data-dir", root / "data", "--port", port)

    assert refused.returncode == 1
    assert f"Port {port} is taken" in refused.stderr


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        ((), {"LEASE_MS": "soon"}, "LEASE_MS: Input should be a valid integer"),
        ((), {"VENUES": "orca"}, "VENUES: no venue 'orca'; there are jupiter, meteora"),
        ((), {"API_KEYS_FILE": "/nowhere"}, "API_KEYS_FILE /nowhere: No such file"),
        (("--host", "0.0.0.0"), {}, "--host 0.0.0.0 can be reached from outside"),
        (("--redis-url", "redis://:secret/x@h"), {}, "--redis-url is no address of a Redis"),
        (("--redis-url", "redis://h?secret=x"), {}, "--redis-url is no address of a Redis"),
        (("--redis-url", "redis://127.0.0.1:1"), {}, "Redis cannot be used"),
        (("--database-url", "secret"), {}, "--database-url is no PostgreSQL connection"),
        (("--database-url", "postgresql://127.0.0.1:1/x"), {}, "Postgres cannot be used"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_in_the_users_words_before_anything_starts(
    root: Path, words: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    refused = command("up", "--data-dir", root / "data", *words, env={**FAST, **env})

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {said}")
    assert refused.stderr.count("\n") == 1
    assert not re.search("soon|secret|HTTP_HOST|REDIS_URL|DATABASE_URL", refused.stderr)
    assert not (root / "data").exists()
