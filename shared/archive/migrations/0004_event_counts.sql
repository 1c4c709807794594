-- How many events of each type there are: counted as they are added, because counting millions
-- each time somebody asks takes too long. The sum over `slot` is the count; each connection has a
-- slot of its own, mostly, so that replicas do not wait for each other.
CREATE TABLE event_counts (
    type   text     NOT NULL,
    slot   smallint NOT NULL,
    events bigint   NOT NULL,
    PRIMARY KEY (type, slot)
) WITH (fillfactor = 50);

INSERT INTO event_counts SELECT type, 0, count(*) FROM order_events GROUP BY type;
