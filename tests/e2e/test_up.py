"""`slipstream up`, from a shell's point of view."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.running import find
from slipstream import Client
from tests.support.cli import FAST, Up, command, folder, up
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


async def test_one_interrupt_ends_everything_and_the_next_up_goes_on(root: Path) -> None:
    data = root / "data"
    with up(data) as stack:
        order_id = place(stack)
        await eventually(lambda: status(stack, order_id) == "confirmed")
        stack.interrupt()
        assert stack.process.wait(60) == 0
        assert stack.alive() == []
        assert find(data) is None

    with up(data) as stack:
        assert status(stack, order_id) == "confirmed"


async def test_a_killed_service_is_started_again_and_orders_go_on(root: Path) -> None:
    with up(root / "data") as stack:
        killed = stack.pid("executor-1")
        os.kill(killed, signal.SIGKILL)
        order_id = place(stack)
        await eventually(lambda: status(stack, order_id) == "confirmed")

        assert stack.pid("executor-1") != killed
        assert f"executor-1 (pid {killed}) was killed by signal 9" in stack.output()


async def test_what_a_killed_up_leaves_is_ended(root: Path) -> None:
    with up(root / "data") as stack:
        assert len(stack.alive()) == 7
        stack.process.kill()

        await eventually(lambda: stack.alive() == [])


async def test_a_second_interrupt_does_not_wait(root: Path) -> None:
    with up(root / "data") as stack:
        # One that cannot hear the first.
        os.kill(stack.pid("router-1"), signal.SIGSTOP)
        stack.interrupt()
        await eventually(lambda: "ending" in stack.output())
        assert "router-1" in stack.alive()
        stack.interrupt()

        assert stack.process.wait(60) == 130
        assert stack.alive() == []


def test_given_servers_are_used_and_none_is_embedded(
    root: Path, redis_url: str, database_url: str, namespace: str
) -> None:
    servers = ("--redis-url", redis_url, "--database-url", database_url)
    with up(root / "data", *servers, env={**FAST, "NAMESPACE": namespace}) as stack:
        place(stack)

        assert (stack.stack.redis_url, stack.stack.database_url) == (redis_url, database_url)
        assert not {"valkey", "postgres"} & set(stack.alive())
        with psycopg.connect(database_url) as connection:
            connection.execute("SELECT FROM orders")


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
        ((), {"VENUES": "orca"}, "VENUES: no venue 'orca'; there are meteora, raydium"),
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


def test_without_a_prometheus_the_stack_runs_and_says_so(root: Path) -> None:
    programs = root / "bin"
    programs.mkdir()
    for folder_of in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(folder_of).glob("*"):
            if program.name != "prometheus":
                (programs / program.name).unlink(missing_ok=True)
                (programs / program.name).symlink_to(program)
    with up(root / "data", "--monitoring", env={**FAST, "PATH": str(programs)}) as stack:
        place(stack)

        assert "no program `prometheus` is on the PATH" in stack.output()
        assert stack.stack.prometheus is None
        assert len(stack.alive()) == 7
