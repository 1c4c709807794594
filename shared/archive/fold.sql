-- Join rows as `merge` makes them into `orders`. Every column is a maximum, an "or", a union or
-- the one value there is, so the order in which rows come, and repeats, change nothing.
-- Returns each order's id, the version it has come to, and whether it ended with every event up to
-- that here, and none that contradicts another and is not settled.
INSERT INTO orders AS old
SELECT new.*
FROM json_populate_recordset(
    json_populate_record(NULL::orders, '{
        "route_version": 0, "attempts": 0, "signature_version": 0,
        "unresolved": false, "cancel_requested": false, "contradicted": false
    }'),
    %(rows)s::json
) AS new
ORDER BY new.order_id
ON CONFLICT (order_id) DO UPDATE SET
    version = greatest(old.version, excluded.version),
    status = CASE WHEN excluded.version > old.version
        THEN excluded.status ELSE old.status END,
    unresolved = CASE WHEN excluded.version > old.version
        THEN excluded.unresolved ELSE old.unresolved END,
    updated_at = CASE WHEN excluded.version > old.version
        THEN excluded.updated_at ELSE old.updated_at END,
    seen = old.seen + excluded.seen,

    client_order_id = coalesce(old.client_order_id, excluded.client_order_id),
    account = coalesce(old.account, excluded.account),
    token_in = coalesce(old.token_in, excluded.token_in),
    token_out = coalesce(old.token_out, excluded.token_out),
    amount_in = coalesce(old.amount_in, excluded.amount_in),
    max_slippage_bps = coalesce(old.max_slippage_bps, excluded.max_slippage_bps),
    expires_at = coalesce(old.expires_at, excluded.expires_at),
    submitted_at = coalesce(old.submitted_at, excluded.submitted_at),

    route_version = greatest(old.route_version, excluded.route_version),
    attempts = CASE WHEN excluded.route_version > old.route_version
        THEN excluded.attempts ELSE old.attempts END,
    venue = CASE WHEN excluded.route_version > old.route_version
        THEN excluded.venue ELSE old.venue END,
    quoted_out = CASE WHEN excluded.route_version > old.route_version
        THEN excluded.quoted_out ELSE old.quoted_out END,
    min_out = CASE WHEN excluded.route_version > old.route_version
        THEN excluded.min_out ELSE old.min_out END,

    signature_version = greatest(old.signature_version, excluded.signature_version),
    signature = CASE WHEN excluded.signature_version > old.signature_version
        THEN excluded.signature ELSE old.signature END,

    ended_at = coalesce(old.ended_at, excluded.ended_at),
    outcome = coalesce(old.outcome, excluded.outcome),
    ended_on = CASE WHEN coalesce(old.outcome, excluded.outcome) IS NULL THEN NULL
        WHEN excluded.route_version > old.route_version THEN excluded.venue
        ELSE old.venue END,
    signature_head = CASE WHEN coalesce(old.outcome, excluded.outcome) IS NULL THEN NULL
        WHEN excluded.signature_version > old.signature_version THEN left(excluded.signature, 12)
        ELSE left(old.signature, 12) END,
    -- What gives amounts gives the signature, too; a later one is right.
    amount_out = CASE WHEN excluded.signature_version > old.signature_version
        THEN coalesce(excluded.amount_out, old.amount_out)
        ELSE coalesce(old.amount_out, excluded.amount_out) END,
    price = CASE WHEN excluded.signature_version > old.signature_version
        THEN coalesce(excluded.price, old.price) ELSE coalesce(old.price, excluded.price) END,
    failure_reason = coalesce(old.failure_reason, excluded.failure_reason),
    failure_detail = coalesce(old.failure_detail, excluded.failure_detail),

    cancel_requested = old.cancel_requested OR excluded.cancel_requested,
    contradicted = old.contradicted OR excluded.contradicted
RETURNING
    order_id::text,
    version,
    ended_at IS NOT NULL
        AND seen = int4multirange(int4range(1, version, '[]'))
        AND order_id NOT IN (
            SELECT order_id FROM order_conflicts WHERE released_at IS NULL
        ) AS complete
