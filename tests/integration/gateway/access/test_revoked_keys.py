"""A connection may do what its key may do now, whatever the key was when the connection came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from services.gateway.access.api_keys import line_for, new_key, parse_keys
from tests.support.gateway import EXECUTE, ORDER, Gateway, drain, gateway_settings, running_gateway
from tests.support.talk import hear, opened, say

KEY, OTHERS = new_key(), new_key()
HOLDER, OTHER = {"X-API-Key": KEY}, {"X-API-Key": OTHERS}


def keys(*roles: str, account: str = "mine") -> str:
    """Return a file of keys: somebody else's, and ours in as many roles as are given."""
    return "\n".join([line_for(OTHERS, "others", "trade", "")] + [
        line_for(KEY, account, role, "") for role in roles
    ])  # fmt: skip


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.jsonl"
    path.write_text(keys("trade"))
    return path


@pytest_asyncio.fixture(params=[False, True], ids=["ahead of the framework", "with dialects"])
async def gateway(
    redis_url: str, namespace: str, keys_file: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(
        redis_url, namespace, api_keys_file=str(keys_file), compat=request.param
    )
    async with running_gateway(settings) as running:
        yield running


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


def become(gateway: Gateway, *roles: str, account: str = "mine") -> None:
    """Give our key this role, or take it away, as if the file had been read again."""
    gateway.parts.rules.access.change(parse_keys(keys(*roles, account=account)))


async def placed(gateway: Gateway, headers: Mapping[str, str] = HOLDER) -> str:
    answer = await gateway.http.post(EXECUTE, json=ORDER, headers=headers)
    assert answer.status_code == 202, answer.text
    order_id: str = answer.json()["orderId"]
    return order_id


async def ticket_of(gateway: Gateway) -> str:
    answer = await gateway.http.post("/api/ws-ticket", headers=HOLDER)
    ticket: str = answer.json()["ticket"]
    return ticket


async def test_every_socket_of_a_revoked_key_is_closed_and_no_other(
    gateway: Gateway, keys_file: Path
) -> None:
    order_id, ticket = await placed(gateway), await ticket_of(gateway)
    paths = ["/api/orders/ws", EXECUTE, f"{EXECUTE}?orderId={order_id}"]
    paths += [f"/api/orders/{order_id}/ws{since}" for since in ("", "?since=0")]
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        sockets = [await enter(opened(gateway, p, additional_headers=HOLDER)) for p in paths]
        sockets.append(await enter(opened(gateway, f"/api/orders/ws?ticket={ticket}")))
        other = await enter(opened(gateway, additional_headers=OTHER))
        rewrite(keys_file, keys())
        codes = [(await drain(socket))[1] for socket in sockets]
        await say(other, action="ping")

        assert codes == [4401] * 6
        assert await hear(other) == {"type": "pong"}


async def test_an_event_stream_of_a_revoked_key_ends(gateway: Gateway) -> None:
    address = f"/api/orders/{await placed(gateway)}/events"
    stream = HOLDER | {"Accept": "text/event-stream"}
    async with gateway.http.stream("GET", address, headers=stream) as response:
        lines = response.aiter_lines()
        await anext(lines)
        become(gateway)
        rest = [line async for line in lines]
    again = await gateway.http.get(address, headers=stream)

    assert not any("version" in line for line in rest[4:])
    assert again.status_code == 401


async def test_a_changed_role_counts_at_once_on_an_open_socket(gateway: Gateway) -> None:
    async with opened(gateway, additional_headers=HOLDER) as socket:

        async def refusal() -> str | None:
            await say(socket, action="submit", order=ORDER, follow=False)
            code: str | None = (await hear(socket)).get("error", {}).get("code")
            return code

        refusals = [await refusal()]
        for role in ("read", "trade"):
            become(gateway, role)
            refusals.append(await refusal())

    assert refusals == [None, "FORBIDDEN", None]


@pytest.mark.parametrize(("role", "account"), [("trade", "mine"), ("admin", "another")])
async def test_a_socket_whose_key_shows_less_than_before_is_closed(
    gateway: Gateway, role: str, account: str
) -> None:
    theirs = await placed(gateway, OTHER)
    become(gateway, "admin")
    path = f"/api/orders/{theirs}/ws?since=0"
    async with opened(gateway, path, additional_headers=HOLDER) as socket:
        await hear(socket)
        become(gateway, role, account=account)
        _, code = await drain(socket)

    assert code == 4401


async def test_a_ticket_is_as_good_as_its_key_is_by_then(gateway: Gateway) -> None:
    refused, demoted = await ticket_of(gateway), await ticket_of(gateway)
    become(gateway)
    with pytest.raises(InvalidStatus, match="401"):
        await opened(gateway, f"/api/orders/ws?ticket={refused}")
    become(gateway, "read")
    async with opened(gateway, f"/api/orders/ws?ticket={demoted}") as socket:
        await say(socket, action="submit", order=ORDER)

        assert (await hear(socket))["error"]["code"] == "FORBIDDEN"


async def test_a_key_that_was_revoked_and_is_back_opens_new_sockets(gateway: Gateway) -> None:
    async with opened(gateway, additional_headers=HOLDER) as socket:
        become(gateway)
        become(gateway, "trade")
        _, code = await drain(socket)
    async with opened(gateway, additional_headers=HOLDER) as socket:
        await say(socket, action="ping")

        assert await hear(socket) == {"type": "pong"}
    assert code == 4401
