-- One row an order, folded from its events. Drop it and `slipstream rebuild` makes it again.
-- Columns are NULL until the event that knows them has come.
CREATE TABLE orders (
    order_id          uuid        PRIMARY KEY,
    version           integer     NOT NULL,  -- of the latest event seen
    status            text        NOT NULL,
    unresolved        boolean     NOT NULL,
    updated_at        timestamptz NOT NULL,
    status_history    jsonb       NOT NULL,  -- version -> {status, at}, one key an event
    account           text,
    token_in          text,
    token_out         text,
    amount_in         numeric,
    max_slippage_bps  integer,
    expires_at        timestamptz,
    submitted_at      timestamptz,
    route_version     integer     NOT NULL,  -- of the latest OrderRouted, 0 when there is none
    attempts          integer     NOT NULL,
    venue             text,
    quoted_out        numeric,
    min_out           numeric,
    signature_version integer     NOT NULL,  -- of the event that gave `signature`, or 0
    signature         text,
    ended_at          timestamptz,
    amount_out        numeric,
    price             numeric,
    failure_reason    text,
    failure_detail    text,
    cancel_requested  boolean     NOT NULL,
    contradicted      boolean     NOT NULL
) WITH (fillfactor = 60);  -- An order is updated half a dozen times, best within its page.
