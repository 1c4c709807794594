"""A server that refuses: services wait, say what is missing, and go on once it is there."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from redis import Redis
from redis.exceptions import RedisError

from services.notifier.handler import Notifier
from shared.settings import VenueSettings
from shared.streams.consumer import consumer
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.group import Group
from shared.streams.errors import LogUnavailable, UnfitServer
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from shared.streams.recovery.dead_letters import dead_letters
from shared.streams.recovery.orphans import next_histories
from shared.streams.redis import retry
from shared.streams.redis.client import Client
from shared.streams.redis.server_info import server_facts
from shared.venues.ledger import Ledger
from tests.support.accounts import account
from tests.support.builders import history, submitted
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER, Gateway, gateway_settings, running_gateway
from tests.support.replicas import (
    a_router,
    an_executor,
    placed,
    running,
    submit,
    types_of,
    unsettled,
    working,
)
from tests.support.servers import Valkey
from tools.docs import ROOT

KEY = {"Idempotency-Key": "one-order"}
USER = "desk"
RIGHTS = ("on", ">secret", "allkeys", "allchannels", "allcommands")
SERVICES = ("router", "executor", "notifier")


@pytest.fixture(autouse=True)
def _try_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (consumer, retry):
        monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.1)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    # Snapshots, so that one can fail; none is made by itself.
    server = Valkey(tmp_path_factory.mktemp("valkey"), "--save", "100000 1")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def root(valkey: Valkey) -> Iterator[Any]:
    """Return a client that may do everything, on the one connection that it needs."""
    with Redis(port=valkey.port, single_connection_client=True, decode_responses=True) as client:
        client.execute_command("ACL", "SETUSER", USER, "reset", *RIGHTS)
        yield client


@pytest.fixture
def url(valkey: Valkey, root: Any) -> str:
    return f"redis://{USER}:secret@127.0.0.1:{valkey.port}/0"


@pytest.fixture
def given(settings: VenueSettings, url: str) -> VenueSettings:
    return settings.model_copy(update={"redis_url": url})


@dataclass
class Refusal:
    """A way to have everything refused, the way back, and the word for it."""

    refuse: Callable[[Any], object]
    mend: Callable[[Any], object]
    word: str


def user(*rules: str) -> Callable[[Any], object]:
    return lambda root: root.execute_command("ACL", "SETUSER", USER, *rules)


def config(name: str, value: int) -> Callable[[Any], object]:
    return lambda root: root.config_set(name, value)


def turn_everybody_away(root: Any) -> None:
    root.config_set("maxclients", 1)
    root.client_kill_filter(_type="normal", skipme=True)


def snapshot_in(root: Any) -> Path:
    return Path(root.config_get("dir")["dir"]) / "dump.rdb"


def fail_to_save(root: Any) -> None:
    snapshot_in(root).mkdir()
    root.bgsave()
    while root.info("persistence")["rdb_last_bgsave_status"] == "ok":
        pass


def save_again(root: Any) -> None:
    snapshot_in(root).rmdir()
    root.bgsave()


def hold_up(root: Any) -> None:
    port = root.get_connection_kwargs()["port"]
    root.config_set("busy-reply-threshold", 1)

    def endless() -> None:
        with Redis(port=port) as other, suppress(RedisError):
            other.eval("while true do end", 0)

    threading.Thread(target=endless, daemon=True).start()
    with suppress(RedisError):
        while True:
            root.ping()


WAYS = {
    "a command": Refusal(user("-evalsha"), user("+evalsha"), "NOPERM"),
    "a command in a script": Refusal(user("-xadd"), user("+xadd"), "NOPERM"),
    "another command in a script": Refusal(user("-zscore"), user("+zscore"), "ACL failure"),
    "keys": Refusal(user("resetkeys"), user("allkeys"), "NOPERM"),
    "a user": Refusal(lambda root: root.acl_deluser(USER), user(*RIGHTS), "WRONGPASS"),
    "connections": Refusal(turn_everybody_away, config("maxclients", 10_000), "max number"),
    "what needs memory": Refusal(config("maxmemory", 1), config("maxmemory", 0), "OOM"),
    "what needs replicas": Refusal(
        config("min-replicas-to-write", 1), config("min-replicas-to-write", 0), "NOREPLICAS"
    ),
    "what needs a disk": Refusal(fail_to_save, save_again, "MISCONF"),
    "writes to a replica": Refusal(
        lambda root: root.replicaof("127.0.0.1", "1"),
        lambda root: root.replicaof("NO", "ONE"),
        "READONLY",
    ),
    "all during a script": Refusal(hold_up, lambda root: root.script_kill(), "BUSY"),
}


@asynccontextmanager
async def everything(settings: VenueSettings, **others: Any) -> AsyncIterator[Gateway]:
    """Run a gateway and the services behind it."""
    log = await Log.open(settings)
    notifier = Group(log, "notifier", "only")
    publishing = Batches(notifier, Notifier(log).handle, settings, hold=False)
    async with (
        running_gateway(
            gateway_settings(settings.redis_url, settings.namespace, **others)
        ) as gateway,
        running(log, "router", a_router(log, settings), settings),
        running(log, "executor", an_executor(log, settings), settings),
        working(notifier, publishing, settings),
    ):
        yield gateway
    await log.close()


async def ready(gateway: Gateway) -> httpx.Response:
    return await gateway.http.get("/health/ready")


async def is_ready(gateway: Gateway) -> bool:
    return (await ready(gateway)).status_code == 200


async def taken(gateway: Gateway) -> str:
    answer = await gateway.http.post(EXECUTE, json=ORDER, headers=KEY)
    return str(answer.json()["orderId"]) if answer.status_code == 202 else ""


async def are_confirmed(gateway: Gateway, orders: list[str]) -> bool:
    types = [await types_of(gateway.log, order_id) for order_id in orders]
    left = [await unsettled(gateway.log, name) for name in SERVICES]
    return {names[-1] for names in types} == {"OrderConfirmed"} and sum(left) == 0


async def events_on(log: Log) -> int:
    """Return how many events stand on the log, those that share an entry counted singly."""
    pages = [
        await log.client.call("XRANGE", log.keys.log(partition), "-", "+")
        for partition in range(log.keys.partitions)
    ]
    return sum(fields[::2].count(b"event") for page in pages for _, fields in page)


def tried_in_vain() -> float:
    return sum(
        REGISTRY.get_sample_value(name, {"group": group}) or 0
        for name in ("slipstream_retries_total", "slipstream_dead_letters_total")
        for group in SERVICES
    )


@pytest.mark.parametrize("way", WAYS)
async def test_services_wait_while_redis_refuses_and_go_on_with_nothing_lost_or_done_twice(
    root: Any, given: VenueSettings, way: str
) -> None:
    refusal, before = WAYS[way], tried_in_vain()
    with ExitStack() as mended:
        async with everything(given) as gateway:
            orders = [await gateway.submit() for _ in range(5)]
            gateway.hurry(300)
            mended.callback(refusal.mend, root)
            await asyncio.to_thread(refusal.refuse, root)

            async def says_so() -> bool:
                answer = await ready(gateway)
                detail = answer.json().get("detail", "")
                return answer.status_code == 503 and refusal.word in detail

            # Before anything is asked for over a link that was cut, which might have been heard.
            await eventually(says_so)
            with pytest.raises(LogUnavailable) as refused:
                await submit(gateway.log, submitted())
            answer = await gateway.http.post(EXECUTE, json=ORDER, headers=KEY)
            mended.close()

            orders.append(await eventually(lambda: taken(gateway)))
            await eventually(lambda: is_ready(gateway))
            await eventually(lambda: are_confirmed(gateway, orders))
            written = await events_on(gateway.log)
            kept = sum(await gateway.log.versions(orders))
            buried = await dead_letters(gateway.log)
            ledger = Ledger(gateway.log.client, namespace=given.namespace, retention_s=60)
            landed = [swap.order_id async for swap in ledger.landed()]

    assert (refused.value.refused, refused.value.maybe_applied) == (True, False)
    assert answer.status_code in (503, 504)  # On a slow machine the last try is cut short.
    assert written == kept
    assert sorted(landed) == sorted(orders)
    assert buried == []
    assert tried_in_vain() == before


async def test_a_gateway_that_may_listen_to_nothing_is_unready_and_says_so(
    root: Any, given: VenueSettings
) -> None:
    settings = gateway_settings(given.redis_url, given.namespace)
    user("resetchannels")(root)
    async with running_gateway(settings) as gateway:

        async def why() -> str:
            return str((await ready(gateway)).json().get("detail", ""))

        refused = await eventually(why)
        user("allchannels")(root)

        assert "SSUBSCRIBE" in refused
        assert "NOPERM" in refused
        assert await eventually(lambda: is_ready(gateway))


async def test_orders_are_refused_where_their_rate_may_not_be_counted(
    root: Any, given: VenueSettings
) -> None:
    settings = gateway_settings(given.redis_url, given.namespace, rate_limit_account="1/day")
    user("resetkeys", f"~{given.namespace}:{{*", f"~{given.namespace}:partitions")(root)
    async with running_gateway(settings) as gateway:
        answers = [await gateway.http.post(EXECUTE, json=ORDER) for _ in range(2)]

        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
            (503, "LOG_UNAVAILABLE")
        }
        assert await events_on(gateway.log) == 0


# The keys of a new order, and of its next step.
KINDS = {"log": "~*:log", "work": "~*:log:*", "list": "~*:order:*", "taken": "~*:taken"}


def all_but(kind: str) -> Callable[[Any], object]:
    patterns = [pattern for name, pattern in KINDS.items() if name != kind]
    return user("resetkeys", "~*:halted", *patterns)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_order_is_not_written_in_part(
    root: Any, given: VenueSettings, kind: str
) -> None:
    log = await Log.open(given)
    event = submitted()
    all_but(kind)(root)
    with pytest.raises(LogUnavailable) as refused:
        await submit(log, event)
    user("allkeys")(root)
    written = await events_on(log), await log.versions([event.order_id])
    [again] = await submit(log, event)
    await log.close()

    assert written == (0, [0])
    assert (refused.value.refused, refused.value.maybe_applied) == (True, False)
    assert again.kind == "accepted"


@pytest.mark.parametrize("kind", ["log", "work", "list"])
async def test_a_step_is_not_written_in_part(root: Any, given: VenueSettings, kind: str) -> None:
    log = await Log.open(given)
    order = await placed(log)
    next_step = Append(order_id=order.order_id, expected=1, events=[history(order.order_id)[1]])
    all_but(kind)(root)
    with pytest.raises(LogUnavailable) as refused:
        await log.append("router", [next_step])
    user("allkeys")(root)
    written = await events_on(log), await log.versions([order.order_id])
    again = await log.append("router", [next_step])
    await log.close()

    assert written == (1, [1])
    assert (refused.value.refused, refused.value.maybe_applied) == (True, False)
    assert again == ["ok"]


async def test_an_entry_that_may_not_be_settled_is_not_buried_again_and_again(
    root: Any, given: VenueSettings
) -> None:
    log = await Log.open(given)
    group = Group(log, "router", "me")
    await placed(log)
    [delivery] = await group.read(range(given.partitions), 1, 1_000)
    user("-xack")(root)
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            await group.bury(delivery, "unreadable")
    user("+xack")(root)
    await group.bury(delivery, "unreadable")
    letters = await dead_letters(log)
    await log.close()

    assert len(letters) == 1


async def test_the_user_that_the_page_tells_of_may_do_all_that_services_ask(
    root: Any, given: VenueSettings
) -> None:
    page = (ROOT / "docs" / "operations" / "secure.md").read_text()
    [rules] = re.findall(r"^ACL SETUSER slipstream (.+)$", page, re.MULTILINE)
    rules = rules.replace("slip:", f"{given.namespace}:").replace("PASSWORD", "secret")
    user("reset", *rules.split())(root)
    root.execute_command("ACL", "LOG", "RESET")
    async with everything(given, rate_limit_account="100/day") as gateway:
        order_id = await gateway.submit()
        async with gateway.follow(order_id) as socket:
            await eventually(lambda: are_confirmed(gateway, [order_id]))
            await socket.recv()
        async with account(gateway.address) as stream:
            await gateway.submit()
            await stream.until(lambda s: s.events)
        log = gateway.log
        await log.trim(60_000, 100)
        await log.expire_histories({order_id: 6}, 60)
        await next_histories(log, {}, 1_000)
        assert await is_ready(gateway)

    assert root.execute_command("ACL", "LOG") == []


async def test_settings_that_may_not_be_asked_for_are_hidden_and_no_trouble(
    root: Any, given: VenueSettings
) -> None:
    user("-config")(root)
    client = await Client.connect(given.redis_url)
    facts = await server_facts(client)
    await client.close()

    assert facts.settings == {}
    assert facts.product == "Valkey"


async def test_a_server_that_lacks_a_command_is_no_place_for_a_log(
    tmp_path: Path, settings: VenueSettings
) -> None:
    valkey = Valkey(tmp_path, "--rename-command", "XGROUP", "")
    valkey.start()
    try:
        with pytest.raises(UnfitServer, match=r"XGROUP CREATE: ERR unknown command .+REDIS_URL"):
            await Log.open(settings.model_copy(update={"redis_url": valkey.url}))
    finally:
        valkey.stop()


async def test_a_server_that_is_too_old_is_no_place_for_a_log(settings: VenueSettings) -> None:
    info = b"# Server\r\nredis_version:6.2.14\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(65_536):
            for _ in re.findall(rb"\r\n(?:INFO|CLIENT)\r\n", asked):
                writer.write(b"$%d\r\n%b\r\n" % (len(info), info))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnfitServer, match=r"Redis 6\.2\.14 is too old"):
            await Log.open(settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}"}))
