"""The forerunners' fields and addresses, for OpenAPI."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from services.gateway.http.answers import EXECUTE
from services.gateway.openapi import schemas
from services.gateway.openapi.operations import schemas_of
from services.gateway.orders.requests import TokenName

_Amount = Annotated[float, Field(gt=0)] | str
_Percent = Annotated[float, Field(ge=0, le=100)] | str
_Fraction = Annotated[float, Field(ge=0, le=1)] | str


class _Order(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    token_in: TokenName = Field(examples=["SOL"])
    token_out: TokenName = Field(examples=["USDC"])


class OrderByPercent(_Order):
    """An order with its tolerance in percent."""

    amount_in: _Amount = Field(examples=[1.5])
    slippage_pct: _Percent = Field(1, examples=[1])


class OrderBySide(_Order):
    """An order with a side, which changes nothing: `amountIn` of `tokenIn` is given."""

    side: Literal["buy", "sell"] = Field("buy", examples=["buy"])
    amount_in: _Amount = Field(examples=[1])
    max_slippage_bps: int = Field(100, ge=0, le=10_000, examples=[100])


class OrderByFraction(_Order):
    """An order whose tolerance is a fraction. Answered with 201."""

    amount: _Amount = Field(examples=[1.5])
    slippage: _Fraction = Field(0.01, examples=[0.01])


class OrderByUser(_Order):
    """An order of a user, who is not looked up: the account is that of the API key."""

    user_id: str = Field("", examples=["00000000-0000-0000-0000-000000000006"])
    type: Literal["market"] = Field("market", examples=["market"])
    amount_in: _Amount = Field(examples=["1"])
    slippage_tolerance: _Fraction = Field("0.01", examples=["0.01"])


class OrderAccepted(schemas.OrderAccepted):
    """The order is on the log and on disk."""

    timestamp: datetime | None = Field(None, description="When; in answers to forerunners' orders")


class StatusChange(schemas.StatusChange):
    """When the order took a status."""

    timestamp: datetime | None = Field(None, description="The same as `at`")
    metadata: dict[str, str] | None = Field(None, description="The facts known by then")


class OrderView(schemas.OrderView):
    """An order as it stands after `version` events."""

    id: str | None = Field(None, description="The same as `orderId`")
    dex_used: str | None = Field(None, description="The same as `venue`")
    executed_price: str | None = Field(None, description="The same as `price`")
    tx_hash: str | None = Field(None, description="The same as `signature`")
    failure_reason: str | None = Field(None, description="`failure` in one line")
    created_at: datetime | None = Field(None, description="The same as `submittedAt`")
    status_history: list[StatusChange]  # type: ignore[assignment]  # Each says more than ours.


class ProblemView(schemas.ProblemView):
    """Bad news (RFC 9457)."""

    error: str | None = Field(None, description="The same as `title`")
    message: str | None = Field(None, description="`errors` or `detail` in one line")


_ORDERS = (OrderByPercent, OrderBySide, OrderByFraction, OrderByUser)
_ANSWERS = (OrderAccepted, OrderView, ProblemView)


def described(ours: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document with all that the forerunners' clients may send and receive."""
    document = deepcopy(ours)
    # Our schemas, under their own names.
    document["components"]["schemas"] |= schemas_of(*_ORDERS, *_ANSWERS)
    execute = document["paths"][EXECUTE]["post"]
    content = execute["requestBody"]["content"]["application/json"]
    orders = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in _ORDERS]
    content["schema"] = {"anyOf": [content["schema"], *orders]}
    answers = execute["responses"]
    answers["201"] = {**answers["202"], "description": "The same, for `amount` and `slippage`"}
    same = {"operationId": "submitForerunnerOrder", "summary": "Submit, by a forerunner's address"}
    document["paths"].setdefault("/api/orders", {})["post"] = {**execute, **same}
    return document
