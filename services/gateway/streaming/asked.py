"""What a follower asks for: whose orders, every event or the newest state, and from where."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from starlette.requests import HTTPConnection

from services.gateway.access.callers import Caller, Role
from services.gateway.http.answers import given_once
from services.gateway.http.problems import Code, FieldError, Problem
from services.gateway.orders.parsing import field_errors
from services.gateway.orders.requests import spelled, whole_number
from services.gateway.streaming.cursor import BadCursor, Cursor

_ACCOUNT = r"^[A-Za-z0-9._@-]{1,64}$"
_LAST_SEEN = "last-event-id"


class StreamQuery(BaseModel):
    """Which orders are followed, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(
        default=None, description="The last `cursor` of a stream, to go on behind it"
    )
    coalesce: Annotated[int, Field(ge=100, le=10_000), BeforeValidator(whole_number)] | None = (
        Field(
            default=None,
            description="Send the newest state of orders once in so many ms, and no events",
        )
    )
    account: (
        Annotated[
            str,
            StringConstraints(pattern=_ACCOUNT),
            spelled(_ACCOUNT, "must be 1 to 64 letters, digits or . _ @ -"),
        ]
        | None
    ) = Field(default=None, description="Only this account's orders; for an admin's key")


class Asked(NamedTuple):
    """Whose orders are followed (None: everybody's), from where, and how often told."""

    account: str | None
    cursor: Cursor | None
    period_s: float | None


def asked_in(connection: HTTPConnection, caller: Caller, partitions: int) -> Asked:
    """Return what a follower asks for. Raises `Problem`."""
    query = _read(connection)
    account = query.account
    if caller.role is not Role.ADMIN:
        if account not in (None, caller.account):
            raise Problem(Code.FORBIDDEN, "only an admin's key follows another account")
        account = caller.account
    last = given_once(connection.headers, _LAST_SEEN, Code.INVALID_QUERY)
    try:
        text = last or query.cursor
        cursor = Cursor.decode(text, partitions) if text else None
    except BadCursor as error:
        name = "Last-Event-ID" if last else "cursor"
        raise Problem(Code.INVALID_QUERY, errors=[FieldError(name, str(error))]) from None
    return Asked(account, cursor, None if query.coalesce is None else query.coalesce / 1_000)


def _read(connection: HTTPConnection) -> StreamQuery:
    given = connection.query_params
    wrong = [
        FieldError(name, "is given more than once")
        for name in given
        if len(given.getlist(name)) > 1
    ]
    try:
        # The ticket was taken at the door.
        read = StreamQuery.model_validate({n: v for n, v in given.items() if n != "ticket"})
    except ValidationError as error:
        raise Problem(Code.INVALID_QUERY, errors=[*wrong, *field_errors(error)]) from None
    if wrong:
        raise Problem(Code.INVALID_QUERY, errors=wrong)
    return read
