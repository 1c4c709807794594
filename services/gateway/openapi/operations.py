"""Words for OpenAPI: what an address takes and answers, in the shapes of `schemas`."""

from __future__ import annotations

from http import HTTPStatus
from itertools import groupby
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.gateway.http.problems import PROBLEM_JSON, RETRY_AFTER_S, Code, Problem
from services.gateway.openapi.schemas import ProblemView

_SCHEMAS = "#/components/schemas/{model}"
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait",
        "schema": {"type": "integer"},
        "example": RETRY_AFTER_S,
    }
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a retry safe: for two days, unless configured otherwise, the same key "
    "with the same body is the same order. In double quotes (a string of RFC 9651), the key is "
    "what they hold",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": r'^([!#-~][!-~]*|"([!#-\[\]-~]|\\["\\])+")$',
    },
}
_TRACEPARENT = {
    "name": "traceparent",
    "in": "header",
    "required": False,
    "description": "The trace that the order is to belong to (W3C Trace Context). It is carried in "
    "every event of the order; one that is not valid is ignored",
    "schema": {"type": "string"},
    "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
_ORDER_ID = {
    "name": "order_id",
    "in": "path",
    "required": True,
    "description": "The `orderId` of the answer with 202",
    "schema": {"type": "string", "format": "uuid"},
}


_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The version that the client has; the stream goes on behind it",
    "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
}
_LAST_CURSOR = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The last cursor that the client has; it counts before `cursor`",
    "schema": {"type": "string"},
}


def takes_id(*, resumes: bool = False) -> dict[str, Any]:
    """Describe an address that names an order, and whether its stream can be resumed."""
    return {"parameters": [_ORDER_ID, *([_LAST_EVENT_ID] if resumes else [])]}


def takes_body(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a request with a JSON body."""
    content = {"application/json": {"schema": _ref(model)}}
    return {"requestBody": {"required": True, "content": content}}


def takes_order(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a request with a JSON body, an Idempotency-Key and a trace."""
    return {**takes_body(model), "parameters": [_IDEMPOTENCY_KEY, _TRACEPARENT]}


def takes_query(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the query that a model reads."""
    shapes = schemas_of(model)[model.__name__]["properties"]
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, **_parameter(shape)}
            for name, shape in shapes.items()
        ]
    }


def _parameter(shape: dict[str, Any]) -> dict[str, Any]:
    # A parameter that is not given is absent; there is no way to send null.
    options = [option for option in shape.pop("anyOf", []) if option != {"type": "null"}]
    description = shape.pop("description", "")
    return {"description": description, "schema": {**shape, **(options[0] if options else {})}}


def takes_stream(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the query that a model reads, of a stream that can be resumed by a cursor."""
    return {"parameters": [*takes_query(model)["parameters"], _LAST_CURSOR]}


def reply(model: type[Any], description: str) -> dict[str, Any]:
    """Describe a JSON answer."""
    return {"description": description, "model": model}


def streams_too(answer: dict[str, Any]) -> dict[str, Any]:
    """Describe a JSON answer that can be had as server-sent events as well."""
    text = {"schema": {"type": "string"}, "example": 'id: 1\ndata: {"status":"pending"}\n\n'}
    return {**answer, "content": {"text/event-stream": text}}


def csv_too(answer: dict[str, Any]) -> dict[str, Any]:
    """Describe a JSON answer that can be had as a file as well."""
    text = {"schema": {"type": "string"}, "example": "orderId,status\r\n"}
    link = {
        "description": "With `format=csv`, if lines are left: the address of the next file, as "
        '`<...>; rel="next"`',
        "schema": {"type": "string"},
    }
    return {**answer, "content": {"text/csv": text}, "headers": {"Link": link}}


def only_streams(description: str) -> dict[str, Any]:
    """Describe an answer of server-sent events."""
    text = {"schema": {"type": "string"}, "example": 'id: AQ\ndata: {"cursor":"AQ"}\n\n'}
    return {"description": description, "content": {"text/event-stream": text}}


def problems(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Describe the problem documents that an address may answer, with an example of each."""
    by_status = groupby(sorted(codes, key=lambda code: code.status), key=lambda code: code.status)
    return {status: _problem(status, list(same)) for status, same in by_status}


def _problem(status: int, codes: list[Code]) -> dict[str, Any]:
    examples = {c.name: {"summary": c.title, "value": Problem(c).fields()} for c in codes}
    described: dict[str, Any] = {
        "description": "; ".join(code.title for code in codes),
        "content": {PROBLEM_JSON: {"schema": _ref(ProblemView), "examples": examples}},
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        described["headers"] = _RETRY_AFTER
    return described


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _SCHEMAS.format(model=model.__name__)}


def schemas_of(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schemas of models, by name."""
    _, schema = models_json_schema([(one, "validation") for one in models], ref_template=_SCHEMAS)
    definitions: dict[str, Any] = schema["$defs"]
    for definition in definitions.values():
        for shape in definition.get("properties", {}).values():
            _say_default(shape)
    return definitions


def _say_default(shape: dict[str, Any]) -> None:
    # In words: generators of clients take a field with a default for one that is always given.
    default = shape.pop("default", None)
    if default not in (None, ""):
        said = [shape["description"]] if "description" in shape else []
        shape["description"] = "; ".join([*said, f"{default} when it is left out"])
