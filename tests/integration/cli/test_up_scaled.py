"""`slipstream up` with several of each service, looked at from several sides."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import httpx
import pytest

from tests.support.cli import Up, command, folder, up


@pytest.fixture(scope="module")
def stack() -> Iterator[Up]:
    words = ("--scale", "gateway=2", "--scale", "executor=2")
    with folder() as root, up(root / "data", *words) as running:
        yield running


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
