"""A Postgres that answers and cannot be used: named, and no reason to refuse an order."""

from __future__ import annotations

from shared.archive.migrate import migrate
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.servers import new_database


async def readiness(gateway: Gateway) -> tuple[int, dict[str, str]]:
    answer = await gateway.http.get("/health/ready")
    return answer.status_code, answer.json()


async def test_a_gateway_without_tables_says_so_and_takes_orders_meanwhile(
    redis_url: str, namespace: str, database_url: str
) -> None:
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as gateway:

        async def looked() -> str:  # The first connection may take longer than a probe waits.
            return (await readiness(gateway))[1].get("detail", "")

        assert "`slipstream migrate`" in await eventually(looked)
        status, said = await readiness(gateway)
        await gateway.submit()
        await migrate(database_url)

        assert (status, said["status"], said["postgres"]) == (200, "degraded", "down")

        async def is_well() -> bool:
            return await readiness(gateway) == (
                200,
                {"status": "ok", "redis": "up", "postgres": "up", "chain": "simulated"},
            )

        assert await eventually(is_well)


async def test_an_encoding_that_cannot_be_used_is_named(
    redis_url: str, namespace: str, postgres_url: str
) -> None:
    with new_database(postgres_url, "TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'") as url:
        settings = gateway_settings(redis_url, namespace, database_url=url)
        async with running_gateway(settings) as gateway:

            async def looked() -> str:
                return (await readiness(gateway))[1].get("detail", "")

            assert "is in SQL_ASCII, not in UTF8" in await eventually(looked)
            listed = await gateway.http.get("/api/orders")

    assert (listed.status_code, listed.json()["code"]) == (503, "HISTORY_UNAVAILABLE")
