"""Every transaction that orders have signed, and what came of them, for audits."""

from __future__ import annotations

from psycopg.rows import tuple_row

from shared.archive.sessions.session import Session, read

FIRST = "00000000-0000-0000-0000-000000000000"

_PAGE = """
    WITH page AS (
        SELECT order_id FROM orders WHERE order_id > %s::uuid ORDER BY order_id LIMIT %s
    )
    SELECT order_id::text, event::text FROM page LEFT JOIN LATERAL (
        SELECT version, event FROM order_events
        WHERE order_events.order_id = page.order_id
        AND type IN ('TransactionSigned', 'OrderConfirmed', 'OutcomeContradicted')
    ) AS found ON true
    ORDER BY order_id, version
"""


async def next_swaps(session: Session, after: str, limit: int) -> list[tuple[str, bytes | None]]:
    """Return what `limit` orders behind an order's id have signed, confirmed, or lost again.

    Each is an order's id and an event as it stands on the log, or None for an order without any.
    """
    rows = await read(session, _PAGE, [after, limit], row_factory=tuple_row)
    return [(order_id, event and event.encode()) for order_id, event in rows]
