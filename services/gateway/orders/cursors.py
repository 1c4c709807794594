"""Cursors: where a page begins, as clients send it back. What one says is no promise."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta, Struct

from services.gateway.orders.requests import in_utc
from shared.archive.lists.filters import Place

RankedBy: TypeAlias = Literal["submitted", "updated", "confirmed"]

OTHERS_CURSOR = "must be the `next` of a page of the same list"

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"  # "$" would let a line end follow.


class Cursor(NamedTuple):
    """Where a page begins, in a list that is in the order of a time."""

    place: Place
    ranked_by: RankedBy


class _Written(Struct, array_like=True, omit_defaults=True):
    at: Annotated[datetime, Meta(tz=True)]
    order_id: Annotated[str, Meta(pattern=_UUID)]
    ranked_by: RankedBy = "submitted"  # Left out of cursors from before there were others.


_written = msgspec.json.Decoder(_Written)


def encode_cursor(place: Place, ranked_by: RankedBy) -> str:
    """Return a cursor as text."""
    written = _Written(place.at, place.order_id, ranked_by)
    return base64.urlsafe_b64encode(msgspec.json.encode(written)).decode()


def decode_cursor(text: str) -> Cursor | None:
    """Return the cursor that a text is, if it is not empty. Raises `ValueError`."""
    if not text:
        return None
    try:
        found = _written.decode(base64.urlsafe_b64decode(text.encode()))
        return Cursor(Place(in_utc(found.at), found.order_id), found.ranked_by)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise ValueError("must be the `next` of a page") from None
