"""What a Slipstream is made of: told as long as a gateway is there, whatever else is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devchain.genesis import accounts
from services.gateway.access.api_keys import line_for, new_key
from services.gateway.openapi.figures import SystemView
from shared.archive.archive import Archive
from shared.settings import ConsumerSettings
from shared.streams.log.epoch import begin_epoch, epoch_of
from slipstream import AsyncClient
from tests.support.devchain import Desk, born
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.processes import Services
from tests.support.proxy import Proxy
from tests.support.servers import NOBODY


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    started = Services(tmp_path)
    yield started
    started.end()


async def system(gateway: Gateway, key: str = "") -> dict[str, Any]:
    answer = await gateway.http.get("/api/system", headers={"X-API-Key": key} if key else {})
    assert answer.status_code == 200, answer.text
    SystemView.model_validate_json(answer.content)
    told: dict[str, Any] = answer.json()
    return told


async def states(gateway: Gateway) -> dict[str, str]:
    """Return the state of every replica but the gateway."""
    replicas = (await system(gateway))["replicas"]
    return {one["name"]: one["state"] for one in replicas if one["service"] != "gateway"}


async def server(gateway: Gateway, name: str) -> dict[str, Any]:
    [found] = [one for one in (await system(gateway))["servers"] if one["name"] == name]
    said: dict[str, Any] = found
    return said


async def test_a_gateway_tells_of_itself_and_of_its_servers(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> None:
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with (
        running_gateway(settings) as gateway,
        AsyncClient(f"http://{gateway.address}") as client,
    ):

        async def all_answer() -> bool:  # The first connection may take longer than a look waits.
            told = await client.system()
            return bool(told.replicas) and all(one.state == "up" for one in told.servers)

        assert await eventually(all_answer)
        told = await client.system()

    assert (told.network, told.access, told.partitions) == ("simulated", "open", 4)
    assert (told.you.account, told.you.role) == ("public", "admin")
    assert told.replicas is not None
    [replica] = told.replicas
    assert (replica.service, replica.version, replica.state) == ("gateway", told.version, "up")
    assert replica.started_at <= replica.seen_at
    assert (replica.rss_bytes or 1_000_000) >= 1_000_000
    assert [one.name for one in told.servers] == ["redis", "postgres"]
    assert told.chain is None


async def test_one_with_a_key_is_told_its_account_and_role(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    file, key = tmp_path / "keys.jsonl", new_key()
    file.write_text(line_for(key, "acme", "read", ""))
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(file))
    async with running_gateway(settings) as gateway:
        told = await system(gateway, key)
        stranger = await gateway.http.get("/api/system")

    assert (told["you"], told["access"]) == ({"account": "acme", "role": "read"}, "keys")
    assert stranger.status_code == 401


async def test_each_group_is_told_with_what_it_has_before_it(gateway: Gateway) -> None:
    for _ in range(3):
        await gateway.submit()

    groups = {group["name"]: group for group in (await system(gateway))["groups"]}
    assert {name: group["lag"] for name, group in groups.items()} == {
        "router": 3,
        "executor": 0,
        "notifier": 3,
        "projector": 3,
    }
    assert groups["executor"]["oldestMs"] == 0
    assert groups["router"]["oldestMs"] >= 0


async def test_a_replica_that_dies_grows_stale_and_one_that_leaves_is_gone(
    gateway: Gateway, services: Services, redis_url: str, namespace: str
) -> None:
    settings = ConsumerSettings(
        redis_url=redis_url, database_url=NOBODY, namespace=namespace, partitions=4
    )
    dies, leaves = await services.start(settings, "notifier", "notifier")

    async def both_are_known() -> bool:
        return await states(gateway) == {dies.consumer: "up", leaves.consumer: "up"}

    assert await eventually(both_are_known)
    dies.kill()
    leaves.terminate()
    await leaves.exit_code()
    seen = f"{namespace}:{{flow}}:seen"
    await gateway.log.client.call("ZINCRBY", seen, -15_000, dies.consumer)

    async def one_is_stale() -> bool:
        return await states(gateway) == {dies.consumer: "stale"}

    assert await eventually(one_is_stale)


async def test_the_epoch_is_the_logs_own_and_another_once_a_loss_was_accepted(
    gateway: Gateway,
) -> None:
    before = (await system(gateway))["epoch"]
    await begin_epoch(gateway.log)
    after = await epoch_of(gateway.log)

    async def is_told() -> bool:
        return bool((await system(gateway))["epoch"] == after)

    assert before
    assert before != after
    assert await eventually(is_told)


async def test_without_redis_the_rest_is_told(shaky: Gateway, proxy: Proxy) -> None:
    await proxy.refuse()

    async def is_down() -> bool:
        return bool((await server(shaky, "redis"))["state"] == "down")

    assert await eventually(is_down)
    told = await system(shaky)

    assert (told["replicas"], told["groups"], told["epoch"]) == (None, None, None)
    assert (told["network"], told["partitions"]) == ("simulated", 4)
    assert (await server(shaky, "redis"))["detail"]
    await proxy.listen()

    async def is_up() -> bool:
        told = await system(shaky)
        return bool(told["replicas"]) and told["servers"][0]["state"] == "up"

    assert await eventually(is_up)


async def test_no_client_is_told_where_redis_lies(shaky: Gateway, proxy: Proxy) -> None:
    port = urlsplit(proxy.url).port
    await proxy.refuse()

    async def is_told() -> str:
        ways = ("/api/system", "/api/flow", "/api/attention", "/health/ready")
        said = [(await shaky.http.get(way)).text for way in ways]
        return "".join(said) if all("cannot be reached" in one for one in said) else ""

    told = str(await eventually(is_told))

    assert f":{port}" not in told
    assert "127.0.0.1" not in told


async def test_a_redis_that_hangs_is_not_waited_for(shaky: Gateway, proxy: Proxy) -> None:
    proxy.hang()
    try:

        async def why() -> bool:
            return "800 ms" in (await server(shaky, "redis"))["detail"]

        assert await eventually(why)
    finally:
        proxy.flow()


async def test_without_postgres_it_is_told_to_be_down(gateway: Gateway) -> None:
    postgres = await server(gateway, "postgres")

    assert (postgres["state"], postgres["answeredMs"]) == ("down", None)
    assert postgres["detail"]


async def test_a_chain_is_told_with_its_height_and_its_age(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    with Desk(tmp_path / "chain", genesis=born(accounts())) as desk:
        desk.step()
        async with desk.served() as [door]:
            settings = gateway_settings(
                redis_url, namespace, chain="devchain", rpc_urls=f"http://{door}"
            )
            async with running_gateway(settings) as gateway:
                told = (await system(gateway))["chain"]
                up = await server(gateway, "chain")

    assert told["slot"] > 0
    assert told["blockHeight"] > 0
    assert told["ageMs"] >= 0
    assert up["state"] == "up"


async def test_a_chain_without_a_node_that_answers_is_down(redis_url: str, namespace: str) -> None:
    settings = gateway_settings(
        redis_url, namespace, chain="devchain", rpc_urls="http://127.0.0.1:1"
    )
    async with running_gateway(settings) as gateway:
        told = await system(gateway)

    assert told["chain"] is None
    assert [one["state"] for one in told["servers"] if one["name"] == "chain"] == ["down"]


async def test_however_many_ask_the_servers_are_asked_once(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(system(gateway) for _ in range(20)))

    assert all(told["servers"] == answers[0]["servers"] for told in answers)
