-- What lists of orders need. None of these indexes holds a column that changes at every step of an
-- order, so that most updates still stay within their page (see fillfactor in 0002).
ALTER TABLE orders
    ADD COLUMN client_order_id text,
    ADD COLUMN outcome         text;  -- the status it ended with, NULL until then
UPDATE orders SET outcome = status WHERE ended_at IS NOT NULL;

CREATE INDEX orders_by_time ON orders (submitted_at, order_id);
CREATE INDEX orders_by_account ON orders (account, submitted_at, order_id);
CREATE INDEX orders_by_outcome ON orders (outcome, submitted_at, order_id)
    WHERE outcome IS NOT NULL;
CREATE INDEX orders_open ON orders (submitted_at, order_id) WHERE outcome IS NULL;
CREATE INDEX orders_by_pair ON orders (token_in, token_out, submitted_at, order_id);
CREATE INDEX orders_by_venue ON orders (venue, submitted_at, order_id);
CREATE INDEX orders_by_client_order_id ON orders (client_order_id, account)
    WHERE client_order_id IS NOT NULL;
