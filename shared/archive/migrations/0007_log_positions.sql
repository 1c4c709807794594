-- How far each log is archived, as Redis has been told: the id of a stream entry. A Redis that was
-- told less, and not nothing, has lost what it had acknowledged.
CREATE TABLE log_positions (
    namespace text    NOT NULL,
    partition integer NOT NULL,
    ms        bigint  NOT NULL,
    seq       bigint  NOT NULL,
    PRIMARY KEY (namespace, partition)
) WITH (fillfactor = 50);
