"""What a client may ask for, and how it is checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Struct
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from shared.orders.values import SwapIntent
from shared.tokens.registry import MAX_DECIMALS, SYMBOL, Tokens

UNKNOWN = "unknown_token"  # The type of the error for a token that nobody knows.
UNKNOWN_SAID = "must be a token that GET /api/tokens lists{closest}"
MAX_DIGITS = 36
MAX_BATCH = 1_000
DEFAULT_SLIPPAGE_BPS = 100

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_READABLE = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")
_TOO_LONG = f"must have at most {MAX_DIGITS} digits and {MAX_DECIMALS} decimals"
_WHOLE = re.compile(r"(-?)0*([0-9]{1,40})[0-9]*")  # Python is slow at long ones.
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A number exactly as it was written: it never becomes a float."""

    text: str


def exact_number(value: object) -> Decimal:
    """Return a number, given as JSON number or string, as exact as it was written.

    Raises `ValueError` for what is none, and for one that is far too long.
    """
    if isinstance(value, JsonNumber):
        value = value.text
    elif type(value) is int:
        value = str(value)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise ValueError("must be a decimal number, as a string or a JSON number")
    if not _READABLE.fullmatch(value):
        raise ValueError(_TOO_LONG)
    return Decimal(value)


def exact_amount(value: object) -> Decimal:
    """Return an amount in plain notation, as exact as it was written.

    Raises `ValueError` for what is no number, not above zero, or too long or precise to mean it.
    """
    amount = exact_number(value)
    if amount <= 0:
        raise ValueError("must be more than 0")
    # Looked at before it is written out: 1e999 has a thousand digits.
    if not -MAX_DECIMALS <= amount.adjusted() < MAX_DIGITS:
        raise ValueError(_TOO_LONG)
    whole, _, fraction = f"{amount:f}".partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if len(fraction) > MAX_DECIMALS or len(whole + fraction) > MAX_DIGITS:
        raise ValueError(_TOO_LONG)
    return Decimal(f"{whole or '0'}.{fraction}" if fraction else whole)


def whole_number(text: str) -> int:
    """Return a whole number; instead of a very long one, one that is beyond any bound as well.

    Raises `ValueError` for what is none.
    """
    written = _WHOLE.fullmatch(text)
    if written is None:
        raise ValueError("must be a whole number")
    return int(written[1] + written[2])


def timestamp(value: object) -> object:
    """Return what may be read as a time. Raises `ValueError`."""
    # Pydantic would also take Unix times and bare dates.
    if value is None or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be an RFC 3339 time with an offset, such as 2026-01-01T12:00:00Z")


def in_utc(time: datetime) -> datetime:
    """Return the same time in UTC. Raises `ValueError` for one that UTC has no year for."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


def _known(name: str, info: ValidationInfo[Tokens]) -> str:
    """Return the symbol of the token that a symbol or mint names, among the context's `Tokens`."""
    if token := info.context.by_name.get(name):
        return token.symbol
    closest = ", ".join(info.context.closest(name))
    raise PydanticCustomError(
        UNKNOWN,
        UNKNOWN_SAID,
        {"closest": closest and f"; closest to {name}: {closest}"},
    )


def _json_integer(value: object) -> object:
    return whole_number(value.text) if isinstance(value, JsonNumber) else value


def spelled(pattern: str, words: str) -> BeforeValidator:
    """Return what refuses a string of another pattern in `words`: no client reads patterns."""

    def check(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError(words)
        return value

    return BeforeValidator(check)


_NAME = r"^[!-~]{1,64}$"

TokenName = Annotated[
    str,
    StringConstraints(strict=True, pattern=SYMBOL),
    spelled(SYMBOL, "must be 1 to 64 of A-Z, a-z, 0-9 and . _ : $ -"),
]
ClientOrderId = Annotated[
    str,
    StringConstraints(strict=True, pattern=_NAME),
    spelled(_NAME, "must be 1 to 64 visible ASCII characters"),
]


class NewOrder(Struct, frozen=True):
    """A valid order: what it is for, as it stands on the log, and the client's name for it."""

    intent: SwapIntent
    client_order_id: str | None = None


class OrderRequest(BaseModel):
    """A swap to execute: give exactly `amountIn`, get as much as possible."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "tokenIn": "SOL",
                    "tokenOut": "USDC",
                    "amountIn": "1.5",
                    "maxSlippageBps": 100,
                    "expiresAt": "2030-01-01T12:00:00Z",
                }
            ]
        },
    )

    token_in: Annotated[TokenName, AfterValidator(_known)] = Field(
        description="The token to give: its symbol or its mint, as `GET /api/tokens` lists it",
        examples=["SOL"],
    )
    token_out: Annotated[TokenName, AfterValidator(_known)] = Field(
        description="The token to get; not the same", examples=["USDC"]
    )
    amount_in: Annotated[
        Decimal,
        BeforeValidator(exact_amount, json_schema_input_type=str | float),
        Field(description="More than 0; at most 36 digits, and no more decimals than the token"),
    ]
    max_slippage_bps: Annotated[int, BeforeValidator(_json_integer)] = Field(
        default=DEFAULT_SLIPPAGE_BPS,
        ge=0,
        le=10_000,
        strict=True,
        description="How far below the quote the outcome may be, in 0.01 %",
    )
    expires_at: Annotated[AwareDatetime | None, BeforeValidator(timestamp)] = Field(
        default=None, description="After this time, which must be in the future, nothing is signed"
    )

    client_order_id: ClientOrderId | None = Field(
        default=None,
        description="Your own name for the order, used once. Without an Idempotency-Key, sending "
        "the same order under it again is the same order",
    )

    @field_validator("token_out")
    @classmethod
    def _differs(cls, token_out: str, info: ValidationInfo) -> str:
        if token_out == info.data.get("token_in"):
            raise ValueError("must not be the same as tokenIn")
        return token_out

    @field_validator("amount_in")
    @classmethod
    def _payable(cls, amount: Decimal, info: ValidationInfo[Tokens]) -> Decimal:
        token = info.context.by_name.get(info.data.get("token_in", ""))
        if token and -int(amount.as_tuple().exponent) > token.decimals:
            raise ValueError(f"must have at most {token.decimals} decimals, as {token.symbol} has")
        return amount

    @field_validator("expires_at")
    @classmethod
    def _in_utc(cls, expires_at: datetime | None) -> datetime | None:
        return expires_at and in_utc(expires_at)

    def order(self) -> NewOrder:
        """Return what the client asked for."""
        intent = SwapIntent(
            token_in=self.token_in,
            token_out=self.token_out,
            amount_in=self.amount_in,
            max_slippage_bps=self.max_slippage_bps,
            expires_at=self.expires_at,
        )
        return NewOrder(intent, self.client_order_id)


class BatchRequest(BaseModel):
    """Orders to execute, each for itself."""

    orders: list[OrderRequest] = Field(min_length=1, max_length=MAX_BATCH)
