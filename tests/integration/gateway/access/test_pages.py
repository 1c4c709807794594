"""What a page in somebody's browser may do to a running gateway, and by which name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from services.gateway.access.api_keys import line_for, new_key
from services.gateway.access.gatekeeper import OPEN
from shared.streams.log.order_ids import id_for_key
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
    gateway_settings,
    handshake,
    running_gateway,
)
from tests.support.proxy import proxied

APP, EVIL = "https://app.example", "https://evil.example"
REBOUND = {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"}
KEY = new_key()
BEARER = {"Authorization": f"Bearer {KEY}"}
JSON = {"Content-Type": "application/json"}
PLAIN = json.dumps(ORDER).encode()
NOBODY = "/api/orders/0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"
ASKED = [
    ("POST", EXECUTE, PLAIN),
    ("POST", EXECUTE, PLAIN.replace(b'"SOL"', b'"\\u0053OL"')),  # Goes through the framework.
    ("POST", "/api/orders", PLAIN),
    ("POST", "/api/orders/batch", b'{"orders":[%b]}' % PLAIN),
    ("POST", "/api/quotes", PLAIN),
    ("POST", "/api/ws-ticket", b""),
    *(("GET", path, b"") for path in ("/api/orders", "/api/orders/stats", NOBODY)),
    ("GET", f"{NOBODY}/events", b""),
    ("DELETE", NOBODY, b""),
]
BOTH_WAYS = pytest.mark.parametrize(
    "compat", [False, True], ids=["ahead of the framework", "through it"]
)


@pytest.fixture
def keys_file(tmp_path: Path) -> str:
    path = tmp_path / "keys.jsonl"
    path.write_text(line_for(KEY, "mine", "trade", ""))
    return str(path)


async def asked(gateway: Gateway, headers: dict[str, str]) -> set[tuple[int, str]]:
    """Return how every kind of request is answered."""
    answers = [
        await gateway.http.request(method, path, content=content, headers=JSON | headers)
        for method, path, content in ASKED
    ]
    return {(answer.status_code, answer.json().get("code")) for answer in answers}


async def socket_of(gateway: Gateway, path: str, headers: dict[str, str]) -> int:
    """Return the status that a WebSocket of a page is answered with."""
    host, _, port = gateway.address.partition(":")
    url = f"ws://{headers.get('Host', gateway.address)}{path}"
    return await handshake(url, host=host, port=int(port), origin=headers.get("Origin"))


def allows(answer: httpx.Response) -> tuple[int, str | None]:
    """Return an answer's status, and pages of which origin may read it."""
    return answer.status_code, answer.headers.get("access-control-allow-origin")


@BOTH_WAYS
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (REBOUND, "HOST_NOT_ALLOWED"),
        ({"Host": "evil.example"}, "HOST_NOT_ALLOWED"),
        ({"Origin": EVIL}, "ORIGIN_NOT_ALLOWED"),
        ({"Origin": "null"}, "ORIGIN_NOT_ALLOWED"),
    ],
    ids=["that took our address", "that took it and says little", "elsewhere", "of no origin"],
)
async def test_without_keys_a_foreign_page_gets_nothing_and_places_nothing(
    redis_url: str, namespace: str, headers: dict[str, str], code: str, compat: bool
) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace, compat=compat)) as gateway:
        answers = await asked(gateway, headers)
        sockets = [
            await socket_of(gateway, path, headers)
            for path in (f"{NOBODY}/ws", f"{NOBODY}/ws?since=0", "/api/orders/ws?since=0", EXECUTE)
        ]
        placed = await events_on(gateway.log)

    assert answers == {(403, code)}
    assert sockets == [403] * 4
    assert placed == 0


async def test_a_refusal_says_which_setting_would_let_the_page_in(
    redis_url: str, namespace: str
) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        by_name = await gateway.http.get("/api/orders", headers=REBOUND)
        of_page = await gateway.http.get("/api/orders", headers={"Origin": EVIL})

    assert "ALLOWED_HOSTS does not name evil.example:8000;" in by_name.json()["detail"]
    assert of_page.json()["detail"] == f"ALLOWED_ORIGINS does not name {EVIL}"


@BOTH_WAYS
async def test_a_gateway_without_keys_answers_to_its_addresses_and_listed_names(
    redis_url: str, namespace: str, compat: bool
) -> None:
    settings = gateway_settings(
        redis_url, namespace, http_host="localhost", allowed_hosts="gateway", compat=compat
    )
    hosts = ["localhost:8000", "app.localhost", "127.0.0.1", "[::1]:8000", "10.1.2.3", "gateway:80"]
    async with running_gateway(settings) as gateway:
        answers = [
            await gateway.http.post(EXECUTE, content=PLAIN, headers=JSON | {"Host": host})
            for host in hosts
        ]
        many = "/api/orders/ws?since=0"
        sockets = [await socket_of(gateway, many, {"Host": host}) for host in hosts]

    assert [answer.status_code for answer in answers] == [202] * len(hosts)
    assert sockets == [101] * len(hosts)


async def test_probes_and_prometheus_may_call_a_gateway_anything(
    redis_url: str, namespace: str
) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        statuses = [
            (await gateway.http.get(path, headers={"Host": "one.pod.example"})).status_code
            for path in OPEN
        ]

    assert set(statuses) == {200}


async def test_with_a_key_neither_name_nor_origin_matters(
    redis_url: str, namespace: str, keys_file: str
) -> None:
    settings = gateway_settings(redis_url, namespace, api_keys_file=keys_file)
    async with running_gateway(settings) as gateway:
        answers = [
            await gateway.http.post(EXECUTE, content=PLAIN, headers=JSON | BEARER | headers)
            for headers in (REBOUND, {"Host": "evil.example"}, {"Origin": EVIL})
        ]

    assert [allows(answer) for answer in answers] == [(202, None)] * 3


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,traceparent",
}


@pytest.mark.parametrize("path", [EXECUTE, "/api/ws-ticket", NOBODY, "/nothing"])
async def test_a_browser_is_told_beforehand_what_an_allowed_page_may_send(
    redis_url: str, namespace: str, keys_file: str, path: str
) -> None:
    settings = gateway_settings(
        redis_url, namespace, api_keys_file=keys_file, allowed_origins=f"https://a.example,{APP}"
    )
    async with running_gateway(settings) as gateway:
        answer = await gateway.http.options(path, headers=PREFLIGHT | {"Origin": APP})

    told = answer.headers
    assert allows(answer) == (200, APP)
    assert told["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert {"GET", "POST", "DELETE"} <= set(told["access-control-allow-methods"].split(", "))
    assert "Origin" in told["vary"]
    assert told["x-content-type-options"] == "nosniff"
    assert "access-control-allow-credentials" not in told


@pytest.mark.parametrize("keyless", [True, False])
async def test_a_browser_is_told_beforehand_why_another_page_may_not(
    redis_url: str, namespace: str, keys_file: str, keyless: bool
) -> None:
    keys = "" if keyless else keys_file
    settings = gateway_settings(redis_url, namespace, api_keys_file=keys, allowed_origins=APP)
    async with running_gateway(settings) as gateway:
        answer = await gateway.http.options(EXECUTE, headers=PREFLIGHT | {"Origin": EVIL})

    assert allows(answer) == (403, None)
    assert answer.json()["detail"] == f"ALLOWED_ORIGINS does not name {EVIL}"


async def test_an_allowed_page_reads_answers_and_their_headers(
    redis_url: str, namespace: str
) -> None:
    key = {"Idempotency-Key": "payment/17"}
    async with running_gateway(
        gateway_settings(redis_url, namespace, allowed_origins=APP)
    ) as gateway:
        answers = [
            await gateway.http.post(EXECUTE, content=PLAIN, headers=JSON | key | {"Origin": APP})
            for _ in range(2)
        ]

    read = {
        name.lower() for name in answers[1].headers["access-control-expose-headers"].split(", ")
    }
    assert [allows(answer) for answer in answers] == [(202, APP)] * 2
    assert {"location", "idempotency-replayed"} <= answers[1].headers.keys() & read
    assert {"retry-after", "ratelimit", "ratelimit-policy"} <= read
    assert answers[1].headers["vary"] == "Origin"


async def test_a_star_lets_every_page_read(redis_url: str, namespace: str, keys_file: str) -> None:
    settings = gateway_settings(redis_url, namespace, api_keys_file=keys_file, allowed_origins="*")
    async with running_gateway(settings) as gateway:
        answer = await gateway.http.post(
            EXECUTE, content=PLAIN, headers=JSON | BEARER | {"Origin": EVIL}
        )

    assert allows(answer) == (202, "*")


@BOTH_WAYS
async def test_an_allowed_page_reads_every_refusal(
    redis_url: str, namespace: str, keys_file: str, compat: bool
) -> None:
    settings = {"api_keys_file": keys_file, "allowed_origins": APP}
    page = JSON | {"Origin": APP}
    async with proxied(redis_url) as proxy:
        limited = gateway_settings(
            proxy.url, namespace, rate_limit_account="2/day", compat=compat, **settings
        )
        async with running_gateway(limited) as gateway:
            post = gateway.http.post
            answers = [
                await post(EXECUTE, content=PLAIN, headers=page),
                await post(EXECUTE, content=b"{", headers=page | BEARER),
                await gateway.http.get("/nothing", headers=page | BEARER),
                await post(EXECUTE, content=PLAIN, headers=page | BEARER),
                await post(EXECUTE, content=PLAIN, headers=page | BEARER),
            ]
            gateway.hurry(300)
            await proxy.refuse()
            answers.append(await post(EXECUTE, content=PLAIN, headers=page | BEARER))

    assert [allows(answer) for answer in answers] == [
        (status, APP) for status in (401, 400, 404, 202, 429, 503)
    ]
    assert "retry-after" in answers[-1].headers


async def test_an_allowed_page_reads_that_there_is_a_bug(redis_url: str, namespace: str) -> None:
    key = {"Idempotency-Key": "payment/17"}
    async with running_gateway(
        gateway_settings(redis_url, namespace, allowed_origins=APP)
    ) as gateway:
        marker, _ = id_for_key(gateway.log.keys, "public", "key:payment/17", datetime.now(UTC))
        await gateway.log.client.call("RPUSH", marker, "no marker at all")
        answer = await gateway.http.post(
            EXECUTE, content=PLAIN, headers=JSON | key | {"Origin": APP}
        )

    assert allows(answer) == (500, APP)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_the_page_of_the_description_loads_nothing_from_elsewhere(
    redis_url: str, namespace: str, keys_file: str
) -> None:
    settings = gateway_settings(redis_url, namespace, api_keys_file=keys_file)
    async with running_gateway(settings) as gateway:
        page = await gateway.http.get("/docs")
        named = ["docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js"]
        loaded = [await gateway.http.get(f"/{path}") for path in named]

    kinds = [answer.headers["content-type"].partition(";")[0] for answer in [page, *loaded]]
    assert "://" not in page.text
    assert all(f'"{path}"' in page.text for path in named)
    assert [kind.rpartition("/")[2] for kind in kinds] == [
        "html",
        "css",
        "javascript",
        "javascript",
    ]
    assert page.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
