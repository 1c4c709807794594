"""Pages as they may be asked for: bounds, cursors and formats, whatever a list is of."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel
from starlette.datastructures import QueryParams

from services.gateway.http.problems import Code, FieldError, Problem
from services.gateway.orders.cursors import OTHERS_CURSOR, Cursor, RankedBy, decode_cursor
from services.gateway.orders.parsing import field_errors
from services.gateway.orders.requests import TokenName, in_utc, spelled, timestamp, whole_number
from shared.archive.lists.filters import Place

LIMIT = 50
MOST = 200
EXPORTED = 100_000  # The most lines of a file.

_VENUE = r"^[A-Za-z0-9._:-]{1,64}$"

Instant = Annotated[AwareDatetime, BeforeValidator(timestamp), AfterValidator(in_utc)]
Venue = Annotated[
    str,
    StringConstraints(pattern=_VENUE),
    spelled(_VENUE, "must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -"),
]


def _bounded(text: str, info: ValidationInfo) -> int:
    # Pydantic would also take "5_0" and " 50".
    limit, most = whole_number(text), EXPORTED if info.data.get("format") == "csv" else MOST
    if limit > most:
        raise ValueError(f"must be at most {most}")
    return limit


class PageQuery(BaseModel):
    """A page of a list. Filters that are not given do not matter."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    several: ClassVar[frozenset[str]] = frozenset()  # Parameters that may be given several times.

    format: Literal["json", "csv"] = Field(
        default="json", description="With `csv`, all lines up to the limit are one file"
    )
    venue: Venue | None = Field(default=None, description="The venue that was chosen last")
    token_in: TokenName | None = Field(default=None, description="Together with `tokenOut`")
    token_out: TokenName | None = None
    limit: Annotated[int, BeforeValidator(_bounded)] | None = Field(
        default=None,
        ge=1,
        le=EXPORTED,
        description=f"At most {MOST}, and {LIMIT} when it is left out; with `format=csv` at most, "
        f"and when it is left out, {EXPORTED:,}",
    )
    after: Annotated[
        Cursor | None, PlainValidator(decode_cursor, json_schema_input_type=str | None)
    ] = Field(default=None, alias="cursor", description="The `next` of the page before")
    total: Literal["true", "false"] = Field(
        default="false", description="Whether to count all that match, up to 10,000"
    )

    @property
    @abstractmethod
    def ranked_by(self) -> RankedBy:
        """Return the time by which the list is in order."""

    @property
    def most(self) -> int:
        """Return how many are wanted at most."""
        return self.limit or (EXPORTED if self.format == "csv" else LIMIT)

    @property
    def place(self) -> Place | None:
        """Return where the page begins, if that is not the beginning of the list."""
        return self.after and self.after.place


Q = TypeVar("Q", bound=PageQuery)


def read_page_query(kind: type[Q], query: QueryParams) -> Q:
    """Return what a query asks for. Raises `Problem` that names every wrong parameter."""
    wrong = [
        FieldError(name, "is given more than once")
        for name in query
        if len(query.getlist(name)) > 1 and name not in kind.several
    ]
    for one, other in (("tokenIn", "tokenOut"), ("tokenOut", "tokenIn")):
        if one in query and other not in query:
            wrong.append(FieldError(other, f"is required with {one}"))
    given: dict[str, Any] = dict(query)
    given |= {name: query.getlist(name) for name in kind.several if name in query}
    try:
        read = kind.model_validate(given)
    except ValidationError as error:
        raise Problem(Code.INVALID_QUERY, errors=[*wrong, *field_errors(error)]) from None
    if read.after and read.after.ranked_by != read.ranked_by:
        wrong.append(FieldError("cursor", OTHERS_CURSOR))
    if read.format == "csv" and read.total == "true":
        wrong.append(FieldError("total", "goes without format=csv"))
    if wrong:
        raise Problem(Code.INVALID_QUERY, errors=wrong)
    return read
