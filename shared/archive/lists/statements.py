"""The statement that reads one page of a list. Pure.

A filter that few orders match leads to them: each of its `parts` reads one index. All others are
looked at row by row. Where the index is in the order of the list, reading stops when the page is
full; the rest (signatures, open orders, contradictions) are few, and are sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple

from shared.archive.fold import HEAD
from shared.archive.lists.filters import Filter, Place
from shared.archive.lists.searching import ROW_FOUND, found_by
from shared.orders.states import END_STATUSES, Status

# A bitmap reads all that match before it sorts them; an index in order stops when the page is full.
IN_ORDER = "set_config('enable_bitmapscan', 'off', true)"

Values = dict[str, Any]

_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_OPEN_STATUSES = frozenset(Status) - END_STATUSES


class _Part(NamedTuple):
    """Some of the orders of a list: those for which a condition holds, and in which order."""

    condition: LiteralString
    behind: LiteralString = "(submitted_at, order_id) < (%(at)s, %(id)s::uuid)"
    order: LiteralString = "orders.submitted_at DESC, orders.order_id DESC"


_NEWEST_FIRST = _Part("")
_CHANGES = _Part(
    "",
    "submitted_at IS NOT NULL AND (updated_at, order_id) > (%(at)s, %(id)s::uuid)",
    "orders.updated_at, orders.order_id",
)
# The time of the last change is in no index: it changes with every event. For an order that has
# ended it is the time of the end, but for the few that the chain has contradicted since.
_CHANGED: tuple[_Part, ...] = (
    _Part(
        "ended_at IS NOT NULL AND NOT contradicted",
        "submitted_at IS NOT NULL AND (ended_at, order_id) > (%(at)s, %(id)s::uuid)",
        "orders.ended_at, orders.order_id",
    ),
    _CHANGES._replace(condition="contradicted"),
    _CHANGES._replace(condition="outcome IS NULL AND NOT contradicted"),
)
# How a page of all parts together is read.
_READ_ONE: LiteralString = "SELECT "
_READ_ONCE: LiteralString = "SELECT DISTINCT ON (orders.submitted_at, orders.order_id) "

# Each says what one part of a `Filter` means, looked at row by row.
_CONDITIONS: dict[str, LiteralString] = {
    "account": "account = %(account)s",
    "client_order_id": "client_order_id = %(client_order_id)s",
    "token_in": "token_in = %(token_in)s",
    "token_out": "token_out = %(token_out)s",
    "since": "submitted_at >= %(since)s",
    "until": "submitted_at < %(until)s",
    "venue": "venue = %(venue)s",
    "statuses": "status = ANY(%(statuses)s)",
    "signature": "signature = %(signature)s",
    "find": ROW_FOUND,
    "unresolved": "outcome IS NULL AND unresolved",
    "contradicted": "contradicted",
}
_OUTCOMES: tuple[LiteralString, ...] = (
    "outcome = %(outcome_0)s",
    "outcome = %(outcome_1)s",
    "outcome = %(outcome_2)s",
)


def page_query(
    wanted: Filter, after: Place | None, limit: int, columns: LiteralString
) -> tuple[LiteralString, Values]:
    """Return the statement that reads one page behind a place, and its values."""
    start = _start(wanted, after)
    values: Values = {"at": start.at, "id": start.order_id, "limit": limit}
    order = _CHANGES.order if wanted.updated_since else _NEWEST_FIRST.order
    # An order may be found by its id, its signature and its name at once.
    read = _READ_ONCE if wanted.find and not wanted.updated_since else _READ_ONE
    parts, rest = _parts(wanted, values)
    rows = _rows(rest, values)
    halves = [_half(part, rows) for part in parts]
    orders: LiteralString = "(" + " UNION ALL ".join(halves) + ") AS orders"
    return read + columns + " FROM " + orders + " ORDER BY " + order + " LIMIT %(limit)s", values


def _half(part: _Part, rows: LiteralString) -> LiteralString:
    condition: LiteralString = " AND " + part.condition if part.condition else ""
    where: LiteralString = part.behind + condition + rows
    return "(SELECT * FROM orders WHERE " + where + " ORDER BY " + part.order + " LIMIT %(limit)s)"  # noqa: S608 - literals only


def _start(wanted: Filter, after: Place | None) -> Place:
    if wanted.updated_since is not None:
        start = Place(wanted.updated_since, _FIRST_ID)
        return max(after, start) if after else start
    start = Place(wanted.until, _FIRST_ID) if wanted.until else Place(_END_OF_TIME, _LAST_ID)
    return min(after, start) if after else start


def _rows(wanted: Filter, values: Values) -> LiteralString:
    """Return what each row is looked at for."""
    conditions: LiteralString = ""
    for name, condition in _CONDITIONS.items():
        if value := getattr(wanted, name):
            conditions = conditions + " AND " + condition
            values[name] = list(value) if isinstance(value, frozenset) else value
    return conditions


def _parts(wanted: Filter, values: Values) -> tuple[Sequence[_Part], Filter]:
    """Return the parts of a list, and the filter that is left to look at row by row."""
    if wanted.updated_since is not None:
        return _CHANGED, wanted
    wanted = replace(wanted, until=None)  # The page begins there.
    if wanted.find is not None:
        conditions = found_by(wanted.find, values)
        return [_Part(one) for one in conditions], replace(wanted, find=None)
    if wanted.signature is not None:
        values["head"] = wanted.signature[:HEAD]
        return [_Part("signature_head = %(head)s"), _Part("outcome IS NULL")], wanted
    if wanted.contradicted or wanted.unresolved or wanted.client_order_id is not None:
        return [_NEWEST_FIRST], wanted
    return _by_stage(wanted, values), replace(wanted, statuses=frozenset(), venue=None)


def _by_stage(wanted: Filter, values: Values) -> list[_Part]:
    """Return one part for each end that is wanted, and one for orders on their way."""
    if not wanted.statuses and wanted.venue is None:
        return [_NEWEST_FIRST]
    ended, still_open = _stages(wanted.statuses or frozenset(Status), values)
    if wanted.venue is not None:
        # The venue of an open order is in no index: those orders are few, and have one.
        values["venue"] = wanted.venue
        ended = [condition + " AND ended_on = %(venue)s" for condition in ended]
        still_open = [condition + " AND venue = %(venue)s" for condition in still_open]
    return [_Part(condition) for condition in [*ended, *still_open]]


def _stages(
    statuses: frozenset[Status], values: Values
) -> tuple[list[LiteralString], list[LiteralString]]:
    """Return the conditions for orders that have ended, and for those that have not."""
    ends, still_open = sorted(statuses & END_STATUSES), statuses - END_STATUSES
    ended: list[LiteralString] = ["outcome IS NOT NULL"]
    if len(ends) < len(END_STATUSES):
        ended = list(_OUTCOMES[: len(ends)])
        values |= {f"outcome_{place}": status for place, status in enumerate(ends)}
    if not still_open:
        return ended, []
    if still_open == _OPEN_STATUSES:
        return ended, ["outcome IS NULL"]
    values["open"] = sorted(still_open)
    return ended, ["outcome IS NULL AND status = ANY(%(open)s)"]
