"""The layer for the forerunners' clients: described as it is, and no burden to our own."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from services.gateway.compat import describe
from services.gateway.http.answers import EXECUTE
from services.gateway.openapi import schemas
from tests.support.eventually import eventually
from tests.support.gateway import ORDER, drain, gateway_settings, running_gateway

JSON = {"Content-Type": "application/json"}
FOREIGN = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1.5, "slippage": 0.01}


def client(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://{address}")


async def test_an_order_in_our_own_words_is_answered_in_them(stack: str) -> None:
    async with client(stack) as http:
        accepted = await http.post(EXECUTE, json=ORDER)
        refused = await http.post(EXECUTE, json=ORDER | {"amountIn": "-1"})

    assert schemas.OrderAccepted.model_validate_json(accepted.content).status == "pending"
    assert schemas.ProblemView.model_validate_json(refused.content).code == "INVALID_ORDER"


async def test_a_client_that_says_since_hears_our_own_events(stack: str) -> None:
    async with client(stack) as http:
        order_id = (await http.post(EXECUTE, json=ORDER)).json()["orderId"]
        async with connect(f"ws://{stack}/api/orders/{order_id}/ws?since=0", proxy=None) as socket:
            messages, _ = await drain(socket)
        events = (await http.get(f"/api/orders/{order_id}/events")).json()

    assert [json.loads(message) for message in messages] == events


async def test_what_forerunners_are_answered_is_what_is_described(stack: str) -> None:
    async with client(stack) as http:
        created = await http.post(EXECUTE, json=FOREIGN)
        refused = await http.post(EXECUTE, json=FOREIGN | {"slippage": 2})
        address = f"/api/orders/{created.json()['orderId']}"

        async def ended() -> httpx.Response | None:
            answer = await http.get(address)
            return answer if answer.json()["status"] == "confirmed" else None

        shown = await eventually(ended)

    assert describe.OrderAccepted.model_validate_json(created.content).timestamp
    assert describe.ProblemView.model_validate_json(refused.content).error
    assert shown is not None
    assert describe.OrderView.model_validate_json(shown.content).tx_hash


async def test_the_description_has_the_forerunners_address_and_fields(stack: str) -> None:
    async with client(stack) as http:
        document = (await http.get("/openapi.json")).json()

    submit = document["paths"]["/api/orders"]["post"]
    schemas = document["components"]["schemas"]
    taken = submit["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    fields = [schemas[order["$ref"].rsplit("/", 1)[1]]["properties"].keys() for order in taken]
    assert {"201", "202", "400"} <= submit["responses"].keys()
    assert {"slippagePct", "side", "slippage", "slippageTolerance"} <= set().union(*fields)
    assert "timestamp" in schemas["OrderAccepted"]["properties"]
    assert "txHash" in schemas["OrderView"]["properties"]


@pytest.mark.parametrize(
    "model",
    [
        *(describe.OrderByPercent, describe.OrderBySide),
        *(describe.OrderByFraction, describe.OrderByUser),
    ],
)
async def test_every_described_order_is_taken_by_either_address(stack: str, model: Any) -> None:
    order = {
        name: field.get("const") or (field.get("examples") or field["enum"])[0]
        for name, field in model.model_json_schema()["properties"].items()
    }
    async with client(stack) as http:
        taken = [(await http.post(path, json=order)) for path in (EXECUTE, "/api/orders")]

    assert all(answer.is_success for answer in taken)


async def test_a_retry_in_another_dialect_is_the_same_order(stack: str) -> None:
    ours = ORDER | {"maxSlippageBps": 100}
    async with client(stack) as http:
        one = await http.post(EXECUTE, json=FOREIGN, headers={"Idempotency-Key": "a"})
        two = await http.post(EXECUTE, json=ours, headers={"Idempotency-Key": "a"})

    assert two.json()["orderId"] == one.json()["orderId"]


async def test_a_body_that_is_too_large_is_refused_in_every_dialect(stack: str) -> None:
    async with client(stack) as http:
        answer = await http.post("/api/orders", json=FOREIGN | {"userId": "x" * 70_000})

    assert answer.status_code == 413


async def test_without_the_layer_there_is_only_our_own_api(redis_url: str, namespace: str) -> None:
    settings = gateway_settings(redis_url, namespace, compat=False)
    async with running_gateway(settings) as gateway:
        foreign = await gateway.http.post(EXECUTE, json=FOREIGN)
        ours = await gateway.http.post(EXECUTE, json=ORDER)

    assert foreign.status_code == 400
    assert ours.status_code == 202


@pytest.mark.parametrize("path", [EXECUTE, "/api/orders/ws"])
@pytest.mark.parametrize(
    "said",
    [
        b"\xff\x00{",
        '{"orderId":{}}',
        '{"orderId":5}',
        '{"tokenIn":[],"slippage":[]}',
        '{"tokenIn":"\\ud800","amount":"\\ud800","slippage":0.01}',
        '{"tokenIn":' + "[" * 992 + "]" * 992 + ',"side":"buy"}',
        "[" * 60_000,
    ],
)
async def test_garbage_on_a_socket_is_answered(stack: str, path: str, said: str | bytes) -> None:
    async with connect(f"ws://{stack}{path}", proxy=None) as socket:
        await socket.send(said)
        answer = json.loads(await socket.recv())

    assert {"error", "code"} & answer.keys()


async def test_a_refusal_names_fields_as_the_client_does(stack: str) -> None:
    wrong = FOREIGN | {"amount": 0, "clientOrderId": ""}
    async with client(stack) as http:
        over_http = (await http.post(EXECUTE, json=wrong)).json()
    async with connect(f"ws://{stack}/api/orders/ws", proxy=None) as socket:
        await socket.send(json.dumps(wrong))
        over_socket = json.loads(await socket.recv())

    for answer in (over_http, over_socket):
        assert {error["field"] for error in answer["errors"]} == {"amount", "clientOrderId"}
        assert answer["message"].startswith("amount must be more than 0; ")


async def test_a_field_given_twice_is_refused_in_every_dialect(stack: str) -> None:
    twice = json.dumps(FOREIGN).replace("{", '{"tokenIn": "BTC", ')
    async with client(stack) as http:
        refused = (await http.post("/api/orders", content=twice, headers=JSON)).json()
    async with connect(f"ws://{stack}/api/orders/ws", proxy=None) as socket:
        await socket.send(twice)
        answer = json.loads(await socket.recv())
        await socket.send(json.dumps(FOREIGN | {"side": "hold"}))
        still_foreign = json.loads(await socket.recv())

    assert refused["message"] == "tokenIn is given more than once"
    assert answer["error"]["errors"] == refused["errors"]
    assert still_foreign["message"] == "side must be buy or sell"


async def test_a_socket_that_begins_in_our_words_goes_on_in_them(stack: str) -> None:
    async with connect(f"ws://{stack}/api/orders/ws", proxy=None) as socket:
        await socket.send('{"action":"ping"}')
        await socket.send('{"orderId":"an-order"}')
        _, answer = [json.loads(await socket.recv()) for _ in range(2)]

    assert answer["error"]["code"] == "INVALID_MESSAGE"
