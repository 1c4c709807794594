"""Many orders that ended long ago, as the archive lists them: to place them would take a minute."""

from __future__ import annotations

import psycopg

_FILL = """
    INSERT INTO orders (
        order_id, version, status, unresolved, updated_at, account, token_in, token_out, amount_in,
        max_slippage_bps, submitted_at, route_version, attempts, venue, quoted_out, min_out,
        signature_version, signature, ended_at, amount_out, price, cancel_requested, contradicted,
        outcome, ended_on, seen
    )
    SELECT
        gen_random_uuid(), 6, 'confirmed', false, at + interval '0.4 s', %(account)s, 'SOL',
        'USDC', 1 + number %% 50, 100, at, 3, 1, venue, 224, 222, 4, 'signature' || number,
        at + interval '0.4 s', 224 + number %% 7, 149.6, false, false, 'confirmed', venue, '{[1,6]}'
    FROM (
        SELECT number, now() - interval '1 day' - number * interval '1 s' AS at,
            (ARRAY['raydium', 'meteora'])[1 + number %% 2] AS venue
        FROM generate_series(1, %(orders)s) AS number
    ) AS made
"""


def gather(database_url: str, account: str, orders: int) -> None:
    """Give an account so many confirmed orders, a second apart, of the day before."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_FILL, {"account": account, "orders": orders})
        connection.execute("ANALYZE orders")
