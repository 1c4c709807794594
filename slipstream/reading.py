"""Answers of the gateway as values."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from slipstream.errors import AcceptanceUnknown, Refused, Unexpected, as_error
from slipstream.http import Answer
from slipstream.models import Accepted, BatchItem

T = TypeVar("T")


def accepted_in(answer: Answer) -> Accepted:
    """Return the order that was placed. Raises `Unexpected`."""
    replayed = answer.headers.get("idempotency-replayed") == "true"
    return msgspec.structs.replace(read(answer, Accepted), replayed=replayed)


def outcome_of(item: BatchItem, key: str | None) -> Accepted | Refused:
    """Return what became of one order of a batch that was sent under a key."""
    if item.problem:
        error = as_error(item.problem)
        error.key = key if isinstance(error, AcceptanceUnknown) else None
        return error
    return Accepted(order_id=item.order_id or "", status=item.status, replayed=item.repeated)


def read(answer: Answer, kind: type[T]) -> T:
    """Return what an answer's body says. Raises `Unexpected` when it says something else."""
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        unexpected = Unexpected(f"{answer.url} answers what is not Slipstream's: {error}")
        unexpected.key = answer.key
        raise unexpected from error
