"""What the OpenAPI document says beyond the single addresses: shapes, keys, refusals."""

from __future__ import annotations

from typing import Any

from services.gateway.access.gatekeeper import OPEN
from services.gateway.http.problems import Code
from services.gateway.openapi.operations import problems, schemas_of
from services.gateway.openapi.schemas import ProblemView
from services.gateway.orders.requests import BatchRequest, OrderRequest

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_ALWAYS = (Code.UNAUTHENTICATED, Code.HOST_NOT_ALLOWED, Code.ORIGIN_NOT_ALLOWED)
_CHANGING = (*_ALWAYS, Code.FORBIDDEN)
_ASKING = (*_CHANGING, Code.RATE_LIMITED)
_TURNED_AWAY = {"post": _ASKING, "put": _CHANGING, "delete": _CHANGING}


def complete(described: dict[str, Any]) -> dict[str, Any]:
    """Add to a document what the addresses have in common."""
    # FastAPI collects the answers. Bodies are read without it, and problems are not plain JSON.
    described["components"]["schemas"] |= schemas_of(OrderRequest, BatchRequest, ProblemView)
    described["components"]["securitySchemes"] = _SCHEMES
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if path in OPEN:
                operation["security"] = []
            else:
                _close(operation, _TURNED_AWAY.get(method, _ALWAYS))
    return described


def _close(operation: dict[str, Any], codes: tuple[Code, ...]) -> None:
    # Nothing or one of the keys: it depends on the gateway's settings.
    operation["security"] = [{}, *({name: []} for name in _SCHEMES)]
    for status, answer in problems(*codes).items():
        operation["responses"].setdefault(str(status), answer)
