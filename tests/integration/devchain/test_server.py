"""Nodes over HTTP: limits, and the faults that a client meets there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from solders.pubkey import Pubkey

from devchain.server import limits
from tests.support.devchain import BASE64, Desk, wire

_TO = Pubkey.new_unique()


class Client:
    """A client of one node."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self.http = http
        self.url = url

    async def post(self, method: str, *params: Any) -> httpx.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self.http.post(self.url, json=body)

    async def send(self, desk: Desk) -> tuple[httpx.Response, str]:
        transaction = desk.transfer(desk.funded(), _TO)
        sent = await self.post("sendTransaction", wire(transaction), BASE64)
        return sent, str(transaction.signatures[0])


@pytest_asyncio.fixture
async def clients(desk: Desk) -> AsyncIterator[list[Client]]:
    """Return clients of two nodes of one chain."""
    async with (
        desk.served(desk.node, desk.another()) as doors,
        httpx.AsyncClient(verify=False) as http,
    ):
        yield [Client(http, f"http://{door}") for door in doors]


async def test_two_ports_are_two_nodes_of_one_chain_with_faults_of_their_own(
    clients: list[Client], desk: Desk
) -> None:
    one, other = clients
    await one.post("devchain_setFaults", {"unavailable": 1})
    await other.post("devchain_stepBlocks", 3)

    assert (await one.post("getSlot")).status_code == 503
    slot = (await other.post("getSlot", {"commitment": "processed"})).json()["result"]
    assert slot == desk.heights()[0]


async def test_control_works_through_every_fault(clients: list[Client]) -> None:
    faults = {"unavailable": 1, "throttled": 1, "silent": 1, "lostReply": 1}
    await clients[0].post("devchain_setFaults", faults)

    said = await clients[0].post("devchain_setFaults", {})

    assert said.json()["result"]["unavailable"] == 0
    assert (await clients[0].post("getHealth")).json()["result"] == "ok"


async def test_a_throttled_client_is_told_when_to_come_back_and_nothing_is_done(
    clients: list[Client], desk: Desk
) -> None:
    await clients[0].post("devchain_setFaults", {"throttled": 1, "methods": ["sendTransaction"]})

    answer, signature = await clients[0].send(desk)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert desk.status(signature) is None
    assert (await clients[0].post("getHealth")).is_success


async def test_a_reply_may_be_lost_although_the_transaction_lands(
    clients: list[Client], desk: Desk
) -> None:
    await clients[0].post("devchain_setFaults", {"lostReply": 1, "methods": ["sendTransaction"]})
    transaction = desk.transfer(desk.funded(), _TO, blockhash=desk.blockhash("finalized"))

    answer = await clients[0].post("sendTransaction", wire(transaction), BASE64)

    assert (answer.status_code, answer.text) == (504, "Gateway timeout\n")
    assert desk.status(str(transaction.signatures[0]))


async def test_a_silent_node_holds_a_call_and_does_nothing(
    clients: list[Client], desk: Desk
) -> None:
    await clients[0].post("devchain_setFaults", {"silent": 1, "silentMs": 1})
    answer, signature = await clients[0].send(desk)
    await clients[0].post("devchain_setFaults", {"silent": 1, "silentMs": 600_000})

    with pytest.raises(httpx.ReadTimeout):
        await clients[0].http.post(
            clients[0].url, json={"jsonrpc": "2.0", "id": 1, "method": "getSlot"}, timeout=0.05
        )

    assert answer.status_code == 504
    assert desk.status(signature) is None


async def test_what_is_no_post_of_json_is_refused(clients: list[Client]) -> None:
    http, url = clients[0].http, clients[0].url

    assert (await http.get(f"{url}/health")).text == "ok"
    assert (await http.get(url)).status_code == 405
    simple = {"content-type": "text/plain"}
    assert (await http.post(url, content=b"{}", headers=simple)).status_code == 415


async def test_a_body_past_the_bound_is_refused_before_its_end(clients: list[Client]) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1_000_000
            await asyncio.sleep(0)

    said = {"content-type": "application/json"}
    http, url = clients[0].http, clients[0].url

    answer = await http.post(url, content=b" " * (limits.BODY + 1), headers=said)

    assert answer.status_code == 413
    with pytest.raises(httpx.HTTPError):
        (await http.post(url, content=endless(), headers=said)).raise_for_status()
