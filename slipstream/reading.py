"""Answers of the gateway as values."""

from __future__ import annotations

from typing import TypeVar

import httpx
import msgspec

from slipstream.errors import Refused, Unexpected, as_error
from slipstream.models import Accepted, BatchItem

T = TypeVar("T")


def accepted_in(answer: httpx.Response) -> Accepted:
    """Return the order that was placed. Raises `Unexpected`."""
    replayed = answer.headers.get("idempotency-replayed") == "true"
    return msgspec.structs.replace(read(answer, Accepted), replayed=replayed)


def outcome_of(item: BatchItem) -> Accepted | Refused:
    """Return what became of one order of a batch."""
    if item.problem:
        return as_error(item.problem)
    return Accepted(order_id=item.order_id or "", status=item.status, replayed=item.repeated)


def read(answer: httpx.Response, kind: type[T]) -> T:
    """Return what an answer's body says. Raises `Unexpected` when it says something else."""
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        raise Unexpected(f"{answer.url} answers what is not Slipstream's: {error}") from error
