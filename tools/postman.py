"""`docs/postman.json`: a collection of every request, made from the OpenAPI document.

Where an address takes several kinds of order, as the forerunners' clients sent them, there is a
request for each kind. Each request tests its own answer.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from tools.examples import example_of, resolved
from tools.openapi import document

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_ABOUT = """\
Every request of Slipstream. Written by `make docs` from OpenAPI: do not edit.

Set `baseUrl` to where a gateway answers and, if it asks for keys, `apiKey` to yours. Placing an
order sets `orderId`, which the other requests use. Sockets are in docs/asyncapi.json.
"""
_NOWHERE = "00000000-0000-7000-8000-000000000000"
_VARIABLES = {"baseUrl": "http://127.0.0.1:8000", "apiKey": "", "orderId": _NOWHERE}
_NOT_AN_ORDER = {"tokenIn": "SOL", "tokenOut": "SOL", "amountIn": "-1"}
_EXECUTE = "/api/orders/execute"
_PLACES = (_EXECUTE, "/api/orders")
_OURS = ("OrderRequest", "BatchRequest", "QuoteRequest")
_BAD = 400
_ALSO_GOOD = {("DELETE", 409)}  # By the time the request comes the order may be signed.

_EXPECTED = 'pm.test("is {wanted}", () => pm.expect(pm.response.code).to.be.oneOf([{codes}]));'
_REMEMBER = (
    'if (pm.response.code < 300) pm.collectionVariables.set("orderId", pm.response.json().orderId);'
)

Json = dict[str, Any]


def collection() -> Json:
    """Return the collection."""
    return {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE_URL, _SCHEMA)),
            "name": "Slipstream",
            "description": _ABOUT,
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [_pair("token", "{{apiKey}}", type="string")]},
        "variable": [_pair(name, value) for name, value in _VARIABLES.items()],
        "item": [{"name": tag, "item": items} for tag, items in _folders().items()],
    }


def postman_page() -> str:
    """Return the file's text."""
    return json.dumps(collection(), indent=1, ensure_ascii=False) + "\n"


def _folders() -> dict[str, list[Json]]:
    folders: dict[str, list[Json]] = defaultdict(list)
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if _is_endless(operation):  # No test of its answer would ever begin.
                continue
            for folder, item in _items(Address(path, method.upper(), operation)):
                folders[folder].append(item)
    # A cancelled order is of no use to the other requests.
    for items in folders.values():
        items.sort(key=lambda item: bool(item["request"]["method"] == "DELETE"))
    return folders


def _is_endless(operation: Json) -> bool:
    return list(operation["responses"].get("200", {}).get("content", ())) == ["text/event-stream"]


class Address(NamedTuple):
    """Where a request goes, and what OpenAPI says of it."""

    path: str
    method: str
    operation: Json

    @property
    def name(self) -> str:
        """Return what it is for: the first clause of its description."""
        first, *_ = re.split(r"[.,;](?:\s|$)", self.operation["description"], maxsplit=1)
        return first

    @property
    def good(self) -> list[int]:
        """Return the codes that are no surprise."""
        codes = [int(code) for code in self.operation["responses"]]
        return [code for code in codes if code < _BAD or (self.method, code) in _ALSO_GOOD]


def _items(at: Address) -> Iterator[tuple[str, Json]]:
    [tag] = at.operation["tags"]
    if "requestBody" not in at.operation:
        yield tag, _item(at, at.name, at.good)
        return
    for kind, body in _bodies(at.operation):
        ours = kind in _OURS
        name = at.name if ours else f"{at.method} {at.path}: {kind}"
        yield tag if ours else "forerunners", _item(at, name, at.good, body)
    if at.path == _EXECUTE:
        yield tag, _item(at, "Be told what is wrong with an order", [400], _NOT_AN_ORDER)


def _bodies(operation: Json) -> Iterator[tuple[str, Any]]:
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    for kind in schema.get("anyOf", [schema]):
        yield resolved(kind, document())["title"], example_of(kind, document())


def _item(at: Address, name: str, good: list[int], body: Any = None) -> Json:
    request: Json = {
        "method": at.method,
        "header": [],
        "url": _url(at),
        "description": at.operation["description"],
    }
    if body is not None:
        text = json.dumps(body, indent=2)
        request["header"] = [_pair("Content-Type", "application/json")]
        request["body"] = {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    return {"name": name, "request": request, "event": [_test(at, good)]}


def _url(at: Address) -> Json:
    parts = at.path.replace("{order_id}", "{{orderId}}").strip("/").split("/")
    query = [
        _pair(one["name"], str(one["schema"].get("default", "")), disabled=True)
        for one in at.operation.get("parameters", ())
        if one["in"] == "query"
    ]
    raw = "/".join(["{{baseUrl}}", *parts])
    return {"raw": raw, "host": ["{{baseUrl}}"], "path": parts, "query": query}


def _test(at: Address, good: list[int]) -> Json:
    wanted = " or ".join(map(str, good))
    lines = [_EXPECTED.format(wanted=wanted, codes=", ".join(map(str, good)))]
    if at.path in _PLACES and at.method == "POST":
        lines.append(_REMEMBER)
    return {"listen": "test", "script": {"type": "text/javascript", "exec": lines}}


def _pair(name: str, value: str, **others: Any) -> Json:
    return {"key": name, "value": value, **others}
