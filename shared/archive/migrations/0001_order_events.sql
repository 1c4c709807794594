-- Every event of every order: the archive, the audit trail, the source of a rebuild.
-- Rows are only ever added. `event` is the text that stands on the log, byte for byte.
CREATE TABLE order_events (
    order_id uuid        NOT NULL,
    version  integer     NOT NULL,
    type     text        NOT NULL,
    at       timestamptz NOT NULL,
    event    json        NOT NULL,
    -- Which transaction added the row: a rebuild finds by it what came after its first pass.
    tx       bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    PRIMARY KEY (order_id, version)
);

-- Rows lie in the order they came, so a few bytes a block range are index enough.
CREATE INDEX ON order_events USING brin (tx) WITH (autosummarize = on);
