"""Subscriptions over a WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from solders.pubkey import Pubkey
from solders.rpc.responses import (
    AccountNotification,
    SignatureNotification,
    SlotNotification,
    parse_websocket_message,
)
from websockets.asyncio.client import ClientConnection, connect

from devchain.server import limits
from tests.support.devchain import BASE64, SOL, Desk
from tests.support.eventually import eventually

_TO = Pubkey.new_unique()


class Client:
    """A client that has opened a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def ask(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        await self.socket.send(json.dumps(body))
        return json.loads(await self.socket.recv())

    async def hear(self) -> Any:
        """Return the next notification, as solders reads it."""
        [read] = parse_websocket_message(str(await self.socket.recv()))
        return read

    async def hears_nothing_more(self) -> bool:
        """Return whether nothing waits: the answer to a question is the next that comes."""
        return bool((await self.ask("none"))["error"]["code"] == -32601)


@pytest_asyncio.fixture
async def client(desk: Desk) -> AsyncIterator[Client]:
    async with desk.served() as [door], connect(f"ws://{door}") as socket:
        yield Client(socket)


async def test_a_signature_is_told_once_it_has_its_commitment_and_never_again(
    client: Client, desk: Desk
) -> None:
    transaction = desk.transfer(desk.funded(), _TO)
    signature = str(transaction.signatures[0])
    numbers = [
        (await client.ask("signatureSubscribe", signature, {"commitment": commitment}))["result"]
        for commitment in ("confirmed", "processed")
    ]

    desk.send(transaction)
    first = await client.hear()
    assert await client.hears_nothing_more()
    desk.step()
    second = await client.hear()
    desk.step(40)

    assert [type(each) for each in (first, second)] == [SignatureNotification] * 2
    assert [first.subscription, second.subscription] == numbers[::-1]
    assert second.result.value.err is None
    assert await client.hears_nothing_more()


async def test_a_signature_that_is_there_already_is_told_at_once(
    client: Client, desk: Desk
) -> None:
    failed = desk.send(desk.transfer(desk.funded(), _TO, 900 * SOL), skipPreflight=True)
    desk.step(32)

    await client.ask("signatureSubscribe", failed)
    told = await client.hear()

    assert told.result.value.err is not None


async def test_slots_are_told_one_by_one_with_parent_and_root(client: Client, desk: Desk) -> None:
    await client.ask("slotSubscribe")
    before, _ = desk.heights()

    desk.step(40)
    told = [await client.hear() for _ in range(40)]

    assert isinstance(told[0], SlotNotification)
    assert [each.result.parent for each in told] == [before, *[e.result.slot for e in told[:-1]]]
    assert told[-1].result.slot == desk.heights()[0]
    assert told[-1].result.root == desk.ask("getSlot", {"commitment": "finalized"})


async def test_an_account_is_told_when_it_has_changed(client: Client, desk: Desk) -> None:
    wallet = desk.funded()
    await client.ask("accountSubscribe", str(_TO), {**BASE64, "commitment": "confirmed"})

    desk.send(desk.transfer(wallet, _TO))
    assert await client.hears_nothing_more()
    desk.step(5)
    told = await client.hear()

    assert isinstance(told, AccountNotification)
    assert told.result.value.lamports == SOL
    assert await client.hears_nothing_more()


async def test_nobody_hears_of_what_is_no_longer_wanted(client: Client, desk: Desk) -> None:
    number = (await client.ask("slotSubscribe"))["result"]

    assert (await client.ask("accountUnsubscribe", number))["error"]["code"] == -32602
    assert (await client.ask("slotUnsubscribe", number))["result"] is True
    desk.step()

    assert await client.hears_nothing_more()
    assert (await client.ask("slotUnsubscribe", number))["error"]["code"] == -32602


async def test_a_wrong_wish_is_named(client: Client) -> None:
    said = await client.ask("signatureSubscribe", "short")

    assert said["error"]["message"] == "Invalid params: 'short' is no signature"


async def test_subscriptions_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SUBSCRIPTIONS", 2)
    answers = [await client.ask("slotSubscribe") for _ in range(3)]

    assert [each.get("result") for each in answers] == [1, 2, None]
    assert answers[2]["error"]["message"] == "at most 2 subscriptions a WebSocket"


async def test_a_client_that_does_not_read_is_dropped_and_holds_up_nobody(desk: Desk) -> None:
    async with desk.served() as [door], connect(f"ws://{door}", max_queue=None) as socket:
        await Client(socket).ask("slotSubscribe")
        assert len(desk.chain.listeners) == 1

        desk.step(limits.WAITING + 1)

        await eventually(lambda: not desk.chain.listeners)
        await socket.wait_closed()

    assert socket.close_code == 1013
