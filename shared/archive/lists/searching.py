"""Find orders by the beginning of an id or a signature, or by a client's own name. Pure."""

from __future__ import annotations

import re
from typing import Any, LiteralString

from shared.archive.fold import HEAD

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_BEHIND_ALL = "\x7f"  # In the order of bytes, and what is found has visible ASCII only.

# For a row that was led to by something else.
ROW_FOUND: LiteralString = """(client_order_id = %(find)s OR starts_with(signature, %(find)s)
    OR starts_with(order_id::text, lower(%(find)s)))"""

_BY_NAME: LiteralString = "client_order_id = %(find)s"
_BY_ID: LiteralString = "order_id BETWEEN %(first_id)s::uuid AND %(last_id)s::uuid"
# The signature of an open order is in no index: those orders are few, and have one.
_BY_SIGNATURE: tuple[LiteralString, ...] = (
    """signature_head >= %(head)s AND signature_head < %(head_end)s
        AND starts_with(signature, %(find)s)""",
    "outcome IS NULL AND starts_with(signature, %(find)s)",
)


def found_by(find: str, values: dict[str, Any]) -> list[LiteralString]:
    """Return the conditions of which one holds for an order that is found, each with an index.

    Their values are added.
    """
    head = find[:HEAD]
    values |= {"find": find, "head": head, "head_end": head + _BEHIND_ALL}
    conditions = [_BY_NAME, *_BY_SIGNATURE]
    if (span := _ids_from(find.lower())) is not None:
        values["first_id"], values["last_id"] = span
        conditions.append(_BY_ID)
    return conditions


def _ids_from(beginning: str) -> tuple[str, str] | None:
    """Return the first and the last id that begin so, or None where no id does."""
    first, last = (beginning + end[len(beginning) :] for end in (_FIRST_ID, _LAST_ID))
    return (first, last) if _UUID.fullmatch(first) else None
