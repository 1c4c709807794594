"""A stack beside other users of the machine, several of each service, looked at from all sides.

Its directory and its address are of an odd kind.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from cli.claim import Claim
from cli.layout import Layout
from cli.postgres import Postgres
from cli.valkey import Valkey
from slipstream import Client
from tests.support.cli import Up, command, folder, up

_ODD = """Doe, "Jane" it's $HOME 100%#\\"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Up]:
    words = ("--host", "::1", "--scale", "gateway=2", "--scale", "executor=2")
    with folder() as root, up(root / _ODD, *words) as running:
        yield running


@pytest.fixture
def layout() -> Iterator[Layout]:
    with folder() as root:
        layout = Layout(root / "data")
        layout.make()
        yield layout


def password_of(url: str) -> str:
    password = urlsplit(url).password
    assert password
    return password


def open_to_others(root: Path) -> list[str]:
    """Return what others than its owner may do something with.

    The data of PostgreSQL may be another user's, who is let through.
    """
    found = [(path, path.lstat().st_mode) for path in (root, *root.rglob("*"))]
    rights = {path: stat.S_IMODE(mode) & 0o077 for path, mode in found if not stat.S_ISLNK(mode)}
    rights[root] &= ~0o010
    return [f"{path} {mode:o}" for path, mode in rights.items() if mode]


def command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes()
        except OSError:  # It has ended.
            continue


def test_such_a_stack_takes_orders(stack: Up) -> None:
    url, _ = stack.stack.gateways
    with Client(url) as client:
        order = client.submit("SOL", "USDC", "1.5")

    assert url.startswith("http://[::1]:")
    assert order.order_id


def test_it_prints_three_curl_lines_that_work(stack: Up) -> None:
    ready, post, read_back = [
        line.strip() for line in stack.output().splitlines() if line.startswith("  curl")
    ]
    assert httpx.get(shlex.split(ready)[-1], timeout=60).status_code == 200

    words = shlex.split(post)
    headers = dict([words[words.index("-H") + 1].split(": ")])
    order = words[words.index("-d") + 1]
    placed = httpx.post(words[2], content=order, headers=headers, timeout=60)
    assert placed.status_code == 202
    url, _, rest = read_back.partition("$(")
    assert rest == f"""{post} | cut -d'"' -f4)"""
    order_id = placed.text.split('"')[3]  # What the line's `cut` cuts out.

    assert httpx.get(shlex.split(url)[-1] + order_id, timeout=60).json()["orderId"] == order_id


def test_a_directory_in_use_is_left_alone(stack: Up) -> None:
    before = stack.alive()
    second = command("up", "--data-dir", stack.layout.root)

    assert second.returncode == 1
    assert f"in use by pid {stack.process.pid}" in second.stderr
    assert stack.stack.pid == stack.process.pid
    assert stack.alive() == before


def test_several_of_each_service_run_side_by_side(stack: Up) -> None:
    first, second = stack.stack.gateways
    assert first != second
    assert {"executor-1", "executor-2", "gateway-2"} < set(stack.alive())
    for gateway in (first, second):
        assert gateway in stack.output()
        assert httpx.get(f"{gateway}/health/ready", timeout=60).status_code == 200


def test_nothing_of_it_is_open_to_others(stack: Up) -> None:
    assert open_to_others(stack.layout.root) == []


def test_valkey_lets_in_only_those_who_know_its_password(stack: Up) -> None:
    url = stack.stack.redis_url
    with Redis(port=urlsplit(url).port or 0) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()

    with Redis.from_url(url) as known:
        assert known.ping()


def test_the_password_is_in_no_command_line_no_log_and_not_on_the_screen(stack: Up) -> None:
    password = password_of(stack.stack.redis_url)
    logs = [path.read_text() for path in stack.layout.logs.iterdir()]

    assert [line for line in command_lines() if password.encode() in line] == []
    assert [text for text in (stack.output(), *logs) if password in text] == []


def test_the_printed_commands_let_its_user_in(stack: Up) -> None:
    lines = [line.strip() for line in stack.output().splitlines()]
    [valkey] = [line for line in lines if line.startswith("REDISCLI_AUTH=")]
    [psql] = [line for line in lines if "postgresql:///" in line and "ready" not in line]
    assigned, _, _ = valkey.rpartition('"')
    told = subprocess.check_output(["sh", "-c", f'{assigned}"; printf %s "$REDISCLI_AUTH"'])
    answered = subprocess.check_output(["sh", "-c", f"{psql} -Atc 'SELECT 1'"])

    assert told.decode() == password_of(stack.stack.redis_url)
    assert answered == b"1\n"
    assert valkey.endswith(f"-cli -p {urlsplit(stack.stack.redis_url).port}")


def test_postgres_asks_the_kernel_who_comes(stack: Up) -> None:
    with psycopg.connect(stack.stack.database_url) as connection:
        rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()

    assert rules == [("local", "peer")]


def test_the_password_is_kept_from_start_to_start(layout: Layout) -> None:
    first = Valkey(layout, 1)
    first.prepare()

    assert Valkey(layout, 1).url == first.url


async def test_what_an_older_version_left_open_is_closed(layout: Layout) -> None:
    (layout.valkey / "appendonlydir").mkdir()
    (layout.valkey / "appendonlydir" / "data.aof").write_text("orders")
    (layout.logs / "gateway-1.log").write_text("orders")
    for path in (layout.root, *layout.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    await (await Claim.take(layout, lambda *_: None, temporary=False)).release()

    assert open_to_others(layout.root) == []


async def test_a_directory_that_holds_other_things_stays_open_to_others(layout: Layout) -> None:
    (layout.root / "index.html").write_text("for all")
    layout.root.chmod(0o755)
    await (await Claim.take(layout, lambda *_: None, temporary=False)).release()

    assert stat.S_IMODE(layout.root.stat().st_mode) == 0o755
    assert stat.S_IMODE(layout.valkey.stat().st_mode) == 0o700


async def test_a_postgres_that_trusted_everybody_trusts_nobody_after_its_next_start(
    layout: Layout,
) -> None:
    await Postgres(layout).prepare()
    rules = layout.postgres / "pg_hba.conf"
    rules.write_text("local all all trust\n")
    await Postgres(layout).prepare()

    assert "trust" not in rules.read_text()
    if os.geteuid() == 0:
        assert rules.owner() == layout.postgres.owner()
