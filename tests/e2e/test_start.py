"""What a service does when it cannot start, or not yet."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from shared.streams.log.log import Log
from tests.support.eventually import eventually
from tests.support.outcomes import all_ended
from tests.support.processes import EVERY_SERVICE, Service, Services, StackSettings, environment
from tests.support.replicas import placed
from tests.support.replication import ask
from tests.support.servers import Valkey
from tests.support.tokens import file_of


@pytest.mark.parametrize("name", EVERY_SERVICE)
async def test_a_service_with_another_number_of_partitions_ends_and_says_which(
    log: Log, settings: StackSettings, services: Services, name: str
) -> None:
    service = services.launch(name, environment(settings, partitions=5))

    assert await service.exit_code() == 1
    assert service.output == (
        "Cannot start: this log has 4 partitions, PARTITIONS says 5: set PARTITIONS=4\n"
    )


@pytest.mark.parametrize("name", EVERY_SERVICE)
async def test_a_service_without_an_address_of_redis_ends_and_says_so(
    settings: StackSettings, services: Services, name: str
) -> None:
    service = services.launch(name, environment(settings, redis_url=""))

    assert await service.exit_code() == 1
    assert service.output == (
        "Cannot start. Set these environment variables (see .env.example):\n"
        "REDIS_URL: Field required\n"
    )


@pytest.mark.parametrize("name", ["gateway", "router", "executor"])
async def test_a_service_that_is_to_ask_a_venue_nobody_knows_ends_and_says_so(
    settings: StackSettings, services: Services, name: str
) -> None:
    service = services.launch(name, environment(settings, venues="nowhere"))

    assert await service.exit_code() == 1
    assert service.output == (
        "Cannot start: VENUES: no venue 'nowhere'; there are jupiter, meteora, raydium, "
        "raydium_api\n"
    )


@pytest.mark.parametrize("name", ["gateway", "router", "executor"])
async def test_a_service_whose_tokens_are_wrong_ends_and_names_each_fault(
    settings: StackSettings, services: Services, tmp_path: Path, name: str
) -> None:
    wrong = tmp_path / "tokens.toml"
    wrong.write_text(file_of(AAA=19, BBB=-1))
    service = services.launch(name, environment(settings, tokens_file=str(wrong)))

    assert await service.exit_code() == 1
    assert service.output == (
        "Cannot start. Set these environment variables (see .env.example):\n"
        "TOKENS_FILE: AAA.decimals: Input should be less than or equal to 18\n"
        "TOKENS_FILE: BBB.decimals: Input should be greater than or equal to 0\n"
    )


@pytest.mark.parametrize("name", ["gateway", "router"])
async def test_a_service_whose_redis_can_never_do_ends_and_says_why(
    settings: StackSettings, services: Services, name: str
) -> None:
    nowhere = settings.redis_url.removesuffix("/0") + "/99"
    service = services.launch(name, environment(settings, redis_url=nowhere))

    assert await service.exit_code() == 1
    assert service.output == (
        "Cannot start: Redis refuses INFO: ERR DB index is out of range "
        "(REDIS_URL names a database it has not)\n"
    )


async def test_services_say_what_redis_refuses_wait_for_it_and_go_on(
    settings: StackSettings, services: Services, tmp_path: Path
) -> None:
    def allow(*rules: str) -> None:
        ask(valkey, "ACL", "SETUSER", "desk", *rules)

    def why(service: Service) -> str:
        return str(service.said("/health/ready").get("detail", ""))

    valkey = Valkey(tmp_path)
    valkey.start()
    try:
        url = valkey.url.replace("://", "://desk:secret@")
        theirs = settings.model_copy(update={"redis_url": url})
        running = [services.launch(name, environment(theirs)) for name in EVERY_SERVICE]
        for service in running:
            assert "WRONGPASS" in await eventually(partial(why, service))
        allow("on", ">secret", "allkeys", "allchannels", "allcommands")
        for service in running:
            await service.ready()
        allow("-xinfo")
        for service in running:
            assert "xinfo|groups" in await eventually(partial(why, service))
        allow("+xinfo")
        for service in running:
            await service.ready()
    finally:
        valkey.stop()


@pytest.mark.parametrize("name", EVERY_SERVICE)
async def test_a_service_whose_address_of_redis_is_none_ends_and_does_not_repeat_it(
    settings: StackSettings, services: Services, name: str
) -> None:
    wrong = "redis://:pass/word@localhost:6379"
    service = services.launch(name, environment(settings, redis_url=wrong))

    assert await service.exit_code() == 1
    assert service.output == (
        "Cannot start: REDIS_URL is no address of a Redis, such as redis://localhost:6379/0\n"
    )


@pytest.mark.parametrize("name", EVERY_SERVICE)
async def test_a_service_that_cannot_listen_ends_and_says_where(
    settings: StackSettings, services: Services, name: str
) -> None:
    elsewhere = {"http_host": "203.0.113.9", "metrics_host": "203.0.113.9", "open_access": True}
    service = services.launch(name, environment(settings, **elsewhere))

    assert await service.exit_code() == 1
    assert service.output.startswith("Cannot start: cannot listen on 203.0.113.9:")
    assert service.output.count("\n") == 1


def waits_for_redis(service: Service) -> bool:
    return "waiting for Redis" in service.output


async def test_services_started_before_redis_wait_for_it_and_work_once_it_is_there(
    settings: StackSettings, services: Services, tmp_path: Path
) -> None:
    valkey = Valkey(tmp_path)
    late = settings.model_copy(update={"redis_url": valkey.url})
    waiting = [services.launch(name, environment(late)) for name in EVERY_SERVICE]
    for service in waiting:
        await eventually(partial(waits_for_redis, service))
        assert service.answers("/health")
        assert not service.answers("/health/ready")
    valkey.start()
    try:
        for service in waiting:
            await service.ready()
        log = await Log.open(late)
        order = await placed(log)

        await eventually(lambda: all_ended(log, [order.order_id]))

        await log.close()
    finally:
        valkey.stop()
