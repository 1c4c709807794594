-- Events whose version the archive has with other content: two logs exist, or one was edited. Their
-- orders are halted until a person has settled each. Rows are only ever added and released.
CREATE TABLE order_conflicts (
    order_id    uuid        NOT NULL,
    version     integer     NOT NULL,
    digest      bytea       NOT NULL,  -- SHA-256 of `event`: the same bytes are kept once
    type        text        NOT NULL,
    at          timestamptz NOT NULL,
    event       text        NOT NULL,  -- the text that stands on the log, byte for byte
    partition   integer     NOT NULL,
    entry       text        NOT NULL,  -- the stream entry it came with first
    found_at    timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    PRIMARY KEY (order_id, version, digest)
);
