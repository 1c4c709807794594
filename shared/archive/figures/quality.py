"""How well swaps were done, venue by venue: paid against quoted, times, failures by reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct
from psycopg.rows import class_row

from shared.archive.sessions.session import Session, pin

MOST_ORDERS: Final = 10_000
_BRIEFLY: Final = "set_config('statement_timeout', '3s', true)"
# Read off an index in order of time: it stops once it has as many as are looked at.
_QUALITY: Final = """
    WITH newest AS MATERIALIZED (
        SELECT coalesce(venue, '') AS venue, outcome, failure_reason,
            CASE WHEN outcome = 'confirmed' AND quoted_out > 0
                THEN round(10000 * (amount_out / quoted_out - 1), 2) END AS bps,
            CASE WHEN outcome = 'confirmed'
                THEN 1000 * extract(epoch FROM ended_at - submitted_at)::float8 END AS took_ms
        FROM orders
        WHERE outcome IS NOT NULL AND submitted_at >= %(since)s AND submitted_at < %(until)s
            AND (%(account)s::text IS NULL OR account = %(account)s)
        ORDER BY submitted_at DESC, order_id DESC LIMIT %(most)s
    ), reasons AS (
        SELECT venue, jsonb_object_agg(failure_reason, orders) AS fails FROM (
            SELECT venue, failure_reason, count(*) AS orders FROM newest
            WHERE outcome = 'failed' GROUP BY venue, failure_reason
        ) AS by_reason GROUP BY venue
    )
    SELECT venue, count(*) AS orders, count(*) FILTER (WHERE outcome = 'confirmed') AS confirmed,
        count(*) FILTER (WHERE outcome = 'failed') AS failed,
        percentile_disc(0.05) WITHIN GROUP (ORDER BY bps) AS p5_bps,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY bps) AS p50_bps,
        percentile_disc(0.95) WITHIN GROUP (ORDER BY bps) AS p95_bps,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY took_ms) AS p50_ms,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY took_ms) AS p99_ms,
        coalesce(fails, '{}') AS fails
    FROM newest LEFT JOIN reasons USING (venue) GROUP BY venue, fails ORDER BY confirmed DESC, venue
"""


class VenueQuality(Struct, frozen=True, kw_only=True):
    """Orders that ended at a venue, "" for none, and how.

    Of those that are confirmed: what was paid above what was quoted, in 0.01 %, below 0 where it
    was less; and the time from the acceptance to the end. None where there are none.
    """

    venue: str
    orders: int
    confirmed: int
    failed: int
    p5_bps: Decimal | None
    p50_bps: Decimal | None
    p95_bps: Decimal | None
    p50_ms: float | None
    p99_ms: float | None
    fails: Mapping[str, int]


async def quality(
    session: Session, account: str | None, since: datetime, until: datetime
) -> list[VenueQuality]:
    """Return how the newest 10,000 orders of an account, or of all, ended at each venue.

    They are those that were submitted from `since` on, and before `until`. It may take 3 s.
    """
    values: dict[str, Any] = {
        "account": account,
        "since": since,
        "until": until,
        "most": MOST_ORDERS,
    }
    async with session.cursor(row_factory=class_row(VenueQuality)) as cursor:
        async with session.pipeline():
            await pin(session, _BRIEFLY)
            # Not prepared: which index is best depends on the values.
            await cursor.execute(_QUALITY, values, prepare=False)
        return await cursor.fetchall()
