-- An order is written three times on its way, and each time only what lies in its own page should be
-- touched. Which of its versions are here was a document of every status, read by nobody but for
-- counting its keys (`order_events` has the statuses); ranges say as much in a few bytes. And its
-- venue was indexed while the order was still going: that update then wrote to every index.
ALTER TABLE orders
    ADD COLUMN seen     int4multirange,  -- versions that are here: {[1,7)} when all of six are
    ADD COLUMN ended_on text;            -- its venue, NULL until it has ended
UPDATE orders SET
    seen = (
        SELECT range_agg(int4range(version::int, version::int, '[]'))
        FROM jsonb_object_keys(status_history) AS version
    ),
    ended_on = CASE WHEN outcome IS NOT NULL THEN venue END;
ALTER TABLE orders
    ALTER COLUMN seen SET NOT NULL,
    DROP COLUMN status_history;

DROP INDEX orders_by_venue;
CREATE INDEX orders_by_venue ON orders (ended_on, submitted_at, order_id)
    WHERE ended_on IS NOT NULL;
