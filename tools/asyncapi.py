"""`docs/asyncapi.json`: what is said over the WebSockets, and by whom."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_args

import msgspec

from services.gateway.following import messages
from services.gateway.openapi.operations import schemas_of
from services.gateway.streaming.asked import StreamQuery
from shared.orders.events import OrderEvent
from shared.orders.states import Status
from tools.openapi import document

Json = dict[str, Any]

_ABOUT = """\
Orders over WebSockets. Written by `make docs`: do not edit.

Messages are JSON objects in text frames. Every event of an order comes once and in order; a client
that comes back gives the last version it has as `since` and misses nothing, at whichever gateway.
A request with an `id` is answered by exactly one message that has it as its `reply`.

| closed with | because |
| --- | --- |
| 1000 | the order has ended, and all its events were sent |
| 1011 | something went wrong on our side, or there is something that cannot be shown |
| 1012 | the gateway is leaving: come back, with `since` |
| 1013 | too many messages waited for the client, or the history cannot be read now: come back |
| 4400 | the order id, `since` or the query is wrong; a problem was sent before |
| 4401 | the key was revoked, or shows less now: come back with a key that is good, and `since` |
| 4403 | the account is another one's; a problem was sent before |
| 4404 | there is no such order; a problem was sent before |

A handshake is refused with 401, 403 or 503 and a problem document.
"""
_KEY = "An API key in the header `Authorization: Bearer`, or a ticket of `POST /api/ws-ticket`"

_SAID = get_args(messages.Request)
_EVENTS = get_args(OrderEvent)
_TEXT = {"type": "string"}
_ID = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}
_VERSION = {"type": "integer", "minimum": 0}
_TIME = {"type": "string", "format": "date-time"}
_UUID = {"type": "string", "format": "uuid"}
_SINCE = {"type": "integer", "minimum": 0, "description": "The last version that the client has"}
_QUERY = {"since": _SINCE, "ticket": {"type": "string", "description": "Instead of a key"}}

_ACCOUNT_QUERY = {
    **schemas_of(StreamQuery)["StreamQuery"]["properties"],
    "ticket": _QUERY["ticket"],
}


def _object(description: str, required: str, **properties: Any) -> Json:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required.split(),
    }


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


_TOLD = {
    "Event": {
        "description": "One event: `status` is the order's once this has happened.",
        "oneOf": [_ref("schemas", kind.__name__) for kind in _EVENTS],
    },
    "Problem": _ref("schemas", "ProblemView"),
    "Pong": _object("The sign of life.", "type", type={"const": "pong"}, reply=_ID),
    "Marker": _object(
        "The client's place in the order's events: the past is told, or no more will come.",
        "marker orderId version",
        marker={"enum": ["caught_up", "ended", "unsubscribed"]},
        orderId=_UUID,
        version=_VERSION,
        reply=_ID,
    ),
    "Accepted": _object(
        "The order of a `submit` is kept; `replayed` when it was so before, under the same key.",
        "reply orderId status links replayed",
        reply=_ID,
        orderId=_UUID,
        status={"const": "pending"},
        links=_ref("schemas", "Links"),
        replayed={"type": "boolean"},
    ),
    "Subscribed": _object(
        "The past is told, to a client that wants no markers.",
        "reply orderId version",
        reply=_ID,
        orderId=_UUID,
        version=_VERSION,
    ),
    "Cancelled": _object(
        "The order as it stands, cancelled.",
        "reply order",
        reply=_ID,
        order=_ref("schemas", "OrderView"),
    ),
    "Refused": _object(
        "A mistake in a request, or a fault of an order that is followed. The socket stays open.",
        "reply error",
        reply=_ID,
        error=_ref("schemas", "ProblemView"),
    ),
}
# To an address that follows an account, together with Problem and Pong.
_CURSOR = {"type": "string", "description": "All up to here was told; to go on with"}
_EPOCH = {"type": "string", "description": "The log's; another one where it began anew"}
_TOLD_OF_ACCOUNT = {
    "Opened": _object(
        "The first message: whose orders are followed, null for everybody's.",
        "stream epoch cursor account",
        stream={"const": "open"},
        epoch=_EPOCH,
        cursor=_CURSOR,
        account={"type": ["string", "null"]},
    ),
    "Events": _object(
        "Events that came together, each order's in order.",
        "events cursor",
        events={"type": "array", "items": _ref("schemas", "Event")},
        cursor=_CURSOR,
    ),
    "Orders": _object(
        "The newest state of orders that have changed, with `coalesce` and in place of events.",
        "orders cursor",
        orders={"type": "array", "items": _ref("schemas", "OrderSummary")},
        cursor=_CURSOR,
    ),
    "Quiet": {
        **_object("Nothing has happened for some seconds.", "cursor", cursor=_CURSOR),
        "additionalProperties": False,
    },
    "Lost": _object(
        "History between `since` and now is not on the log; the stream goes on behind it.",
        "lost epoch cursor",
        lost=_object("Since when, and why.", "since why", since=_TIME, why=_TEXT),
        epoch=_EPOCH,
        cursor=_CURSOR,
    ),
}
# To an address that follows one order; the others serve many.
_TOLD_OF_ONE = ("Event", "Problem", "Pong")
_ALL_TOLD = {**_TOLD, **_TOLD_OF_ACCOUNT}
_TOLD_OF_MANY = tuple(name for name in _TOLD if name != "Problem")


def asyncapi() -> Json:
    """Return the AsyncAPI document. Actions are the gateway's."""
    many = [kind.__name__ for kind in _SAID]
    channels = {
        "one": _channel("/api/orders/{orderId}/ws", "Follow one order.", ["Ping"], _TOLD_OF_ONE),
        "many": _channel("/api/orders/ws", "Place and follow orders.", many, _TOLD_OF_MANY),
        "execute": _channel(
            "/api/orders/execute",
            "With `?orderId=` it follows that order; without, it is like /api/orders/ws.",
            many,
            _TOLD,
        ),
    }
    channels["account"] = _channel(
        "/api/stream",
        "Follow all orders of an account; an admin's key follows everybody's.",
        ["Ping"],
        (*_TOLD_OF_ACCOUNT, "Problem", "Pong"),
        _ACCOUNT_QUERY,
    )
    channels["one"]["parameters"] = {"orderId": {"description": "The order to follow"}}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Slipstream", "version": "1", "description": _ABOUT},
        "servers": {"local": {"host": "127.0.0.1:8000", "protocol": "ws", "description": _KEY}},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": dict(_operations(channels, many)),
        "components": {"messages": _messages(many), "schemas": _schemas()},
    }


def asyncapi_page() -> str:
    """Return the file's text."""
    return json.dumps(asyncapi(), indent=1, ensure_ascii=False) + "\n"


def _channel(address: str, about: str, heard: Any, told: Any, query: Json | None = None) -> Json:
    query = query or _QUERY | ({"orderId": _UUID} if address.endswith("execute") else {})
    return {
        "address": address,
        "description": about,
        "messages": {name: _ref("messages", name) for name in (*heard, *told)},
        "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": query}}},
    }


def _operations(channels: Json, heard: list[str]) -> Any:
    for name, channel in channels.items():
        for action in ("receive", "send"):
            messages = [
                {"$ref": f"#/channels/{name}/messages/{message}"}
                for message in channel["messages"]
                if (message in heard) == (action == "receive")
            ]
            where = {"$ref": f"#/channels/{name}"}
            yield f"{action}-{name}", {"action": action, "channel": where, "messages": messages}


def _messages(heard: list[str]) -> Json:
    return {name: {"name": name, "payload": _ref("schemas", name)} for name in [*heard, *_ALL_TOLD]}


def _schemas() -> Json:
    template = "#/components/schemas/{name}"
    _, ours = msgspec.json.schema_components((*_SAID, *_EVENTS), ref_template=template)
    schemas = {**document()["components"]["schemas"], **ours, **_ALL_TOLD}
    for schema in ours.values():
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    for kind in _EVENTS:
        _make_public(schemas[kind.__name__])
    del schemas["SignedTransaction"]["properties"]["payload"]  # It stays inside.
    schemas["SignedTransaction"]["required"].remove("payload")
    schemas["Submit"]["properties"]["order"] = _ref("schemas", "OrderRequest")
    return schemas


def _make_public(event: Json) -> None:
    event["properties"] = {"status": {"enum": [str(s) for s in Status]}, **event["properties"]}
    event["required"] = ["status", *event["required"]]
