"""`slipstream submit`, `orders` and `stats`: for people in lines, for programs in JSON."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.support.cli import command, in_an_interpreter, stack_in
from tests.support.eventually import until
from tests.support.gateway import events_on, gateway_settings, running_gateway
from tests.support.proxy import proxied

Run = Callable[..., Result]

NOBODYS = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_LINE = re.compile(rf"[0-9a-f-]{{36}}  {_TIME}Z  [a-z]+ +1\.5 SOL for .*USDC.*")


@pytest.fixture
def run(stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))  # Nobody's own stacks are found.
    for name in ("XDG_CONFIG_HOME", "REDIS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLIPSTREAM_URL", f"http://{stack}")
    return lambda *words: CliRunner().invoke(app, list(words))


def placed(run: Run) -> str:
    """Place an order, see it end, and return its id."""
    submitted = run("submit", "SOL", "USDC", "1.5", "--watch")
    assert submitted.exit_code == 0, submitted.output
    return submitted.stdout.splitlines()[0]


def test_a_list_has_a_line_an_order_for_people_and_for_programs(run: Run) -> None:
    order_ids = [placed(run) for _ in range(2)]
    # A list is of what is archived, and an order is told of before.
    until(lambda: order_ids[1] in run("orders", "list", "--status", "confirmed").stdout)
    shown, as_json = run("orders", "list"), run("orders", "list", "--json")
    [_, *lines] = shown.stdout.splitlines()
    orders = [json.loads(line) for line in as_json.stdout.splitlines()]

    assert (shown.exit_code, as_json.exit_code) == (0, 0)
    assert all(map(_LINE.fullmatch, lines)), shown.stdout
    assert [line[:36] for line in lines[:2]] == order_ids[::-1]
    assert [order["orderId"] for order in orders] == [line[:36] for line in lines]
    assert all(order["submittedAt"].endswith("Z") for order in orders)


def test_a_list_can_be_narrowed_and_says_when_there_is_more(run: Run) -> None:
    for _ in range(2):
        placed(run)
    one = run("orders", "list", "--json", "--limit", "1", "--status", "confirmed")
    none = run("orders", "list", "--json", "--until", "2001-01-01")

    assert (one.stdout.count("\n"), "more than 1" in one.stderr) == (1, True)
    assert (none.stdout, none.stderr) == ("", "")
    assert run("orders", "list", "--since", "soon").exit_code == 2
    assert run("orders", "list", "--since", "0001-01-01T00:00:00+10:00").exit_code == 2


def test_a_list_is_searched_and_counted(run: Run) -> None:
    order_id = placed(run)
    until(lambda: order_id in run("orders", "list", "--status", "confirmed").stdout)
    found = run("orders", "list", "--json", "--find", order_id[:-1], "--total")
    both = run("orders", "list", "--json", "--status", "confirmed", "--status", "failed")
    changed = run("orders", "list", "--json", "--updated-since", "2001-01-01")
    none = run("orders", "list", "--json", "--unresolved")

    assert [json.loads(line)["orderId"] for line in found.stdout.splitlines()] == [order_id]
    assert found.stderr == "1 match\n"
    assert order_id in both.stdout
    times = [json.loads(line)["updatedAt"] for line in changed.stdout.splitlines()]
    assert times == sorted(times)
    assert none.stdout == ""


def test_lists_are_written_as_csv(run: Run) -> None:
    order_id = placed(run)
    until(lambda: order_id in run("orders", "fills").stdout)
    orders, fills = run("orders", "list", "--csv"), run("orders", "fills", "--csv", "--limit", "1")
    told = list(csv.DictReader(io.StringIO(fills.stdout)))
    both = run("orders", "fills", "--csv", "--json")

    assert (orders.exit_code, fills.exit_code, both.exit_code) == (0, 0, 2)
    assert orders.stdout.startswith("orderId,")
    assert order_id in orders.stdout
    assert [(line["orderId"], line["amountIn"]) for line in told] == [(order_id, "1.5")]


def test_fills_are_listed_for_people_and_for_programs(run: Run) -> None:
    order_id = placed(run)
    until(lambda: order_id in run("orders", "fills").stdout)
    shown, as_json = run("orders", "fills"), run("orders", "fills", "--json", "--limit", "1")
    [_, line, *_] = shown.stdout.splitlines()

    assert re.match(rf"{order_id}  {_TIME}Z  confirmed  1\.5 SOL for [\d.]+ USDC at ", line)
    assert json.loads(as_json.stdout)["orderId"] == order_id


def test_an_order_is_shown_with_its_history(run: Run) -> None:
    order_id = placed(run)
    shown, as_json = run("orders", "show", order_id), run("orders", "show", order_id, "--json")

    assert f"order       {order_id}\nstatus      confirmed\nswap        1.5 SOL" in shown.stdout
    assert re.search(rf"^confirmed   {_TIME}\.\d{{3}}Z$", shown.stdout, re.MULTILINE)
    assert re.search(
        r"^summary     Swapped 1\.5 SOL for .* than quoted\.$|as quoted\.$",
        shown.stdout,
        re.MULTILINE,
    )
    assert json.loads(as_json.stdout)["amountIn"] == "1.5"


def test_an_order_that_has_ended_is_not_cancelled_in_one_line(run: Run) -> None:
    refused = run("orders", "cancel", placed(run))

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "error: The order has ended; it is confirmed\n"


@pytest.mark.parametrize("words", [("orders", "show"), ("orders", "cancel"), ("watch",)])
@pytest.mark.parametrize("order_id", [NOBODYS, "nonsense", "../../health", "a\nb", ""])
def test_an_order_that_is_not_there_is_said_in_one_line(
    run: Run, words: tuple[str, ...], order_id: str
) -> None:
    refused = run(*words, order_id)

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert re.fullmatch(r"error: [^\n]+\n", refused.stderr)


def test_figures_are_shown_for_people_and_for_programs(run: Run) -> None:
    placed(run)
    shown, as_json = run("stats"), run("stats", "--json")

    assert re.search(r"^orders completed +\d+$", shown.stdout, re.MULTILINE)
    assert json.loads(as_json.stdout)["queue"]["failed"] == 0


def test_venues_are_shown_for_people_and_for_programs(run: Run) -> None:
    placed(run)
    shown, as_json = run("venues"), run("venues", "--json")
    head, *rows = [line.split() for line in shown.stdout.splitlines()]

    assert (shown.exit_code, as_json.exit_code) == (0, 0)
    assert head[:3] == ["venue", "state", "quotes"]
    assert [row[:2] for row in rows] == [["raydium", "up"], ["meteora", "up"]]
    assert [venue["name"] for venue in json.loads(as_json.stdout)] == ["raydium", "meteora"]


def test_the_version_is_told(run: Run) -> None:
    assert re.fullmatch(r"slipstream \d+\.\d+\.\d+\S*\n", run("--version").stdout)


@pytest.mark.parametrize("words", ["orders list --url", "--help", "load --orders 1 --url"])
def test_a_reader_that_leaves_is_told_nothing(stack: str, words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    where = [f"http://{stack}"] if words.endswith("--url") else []
    shown = in_an_interpreter(*words.split(), *where, stdout=writer)
    os.close(writer)

    assert shown.stderr == ""


async def test_an_order_whose_answer_is_lost_is_placed_once_by_what_is_printed(
    redis_url: str, namespace: str
) -> None:
    async def run(words: list[str]) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(command, *words)

    async with proxied(redis_url) as redis:
        settings = gateway_settings(redis.url, namespace)
        async with running_gateway(settings) as gateway:
            await gateway.submit()  # The connection is there, and the script known.
            gateway.hurry(500)
            redis.lose_replies(to=b"EVALSHA", times=1_000_000)
            url = f"http://{gateway.address}"
            lost = await run(["submit", "SOL", "USDC", "1.5", "--url", url])
            redis.lose_replies(to=b"EVALSHA", times=0)
            gateway.hurry(60_000)
            again, ask = [
                shlex.split(line)[4:] for line in lost.stderr.splitlines() if line[:2] == "  "
            ]
            placed = await run(again)

            assert (lost.returncode, lost.stdout, placed.returncode) == (1, "", 0)
            assert ask[:2] == ["orders", "show"]
            assert await events_on(gateway.log) == 1 + 1


def test_the_stack_that_runs_is_found_from_any_directory(
    run: Run, stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLIPSTREAM_URL")
    with stack_in(tmp_path / "one", stack) as one:
        found = run("stats")
        elsewhere = run("stats", "--data-dir", str(tmp_path / "none"))
        with stack_in(tmp_path / "two", stack) as two:
            which, given = run("stats"), run("stats", "--data-dir", two)
    links = list(tmp_path.glob("**/stacks/*"))

    assert (found.exit_code, found.stderr) == (0, f"using the stack of {one}\n")
    assert (elsewhere.exit_code, which.exit_code) == (2, 2)
    assert "--data-dir" in which.stderr
    assert (given.exit_code, given.stderr) == (0, "")
    assert links == []


def test_a_stack_that_was_killed_is_not_found(
    run: Run, stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLIPSTREAM_URL")
    with stack_in(tmp_path / "killed", stack, killed=True):
        pass
    with stack_in(tmp_path / "one", stack) as one:
        assert run("stats").stderr == f"using the stack of {one}\n"
        assert len(list(tmp_path.glob("**/stacks/*"))) == 1
