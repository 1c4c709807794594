"""How far each partition of a log is archived, and Redis knows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from psycopg.rows import TupleRow, tuple_row

from shared.archive.sessions.session import Session, pin, read

# By partition, the id of a stream entry in its two parts.
Positions: TypeAlias = Mapping[int, tuple[int, int]]

_ALL = "SELECT partition, ms, seq FROM log_positions WHERE namespace = %s"
# In one order, so that replicas never wait for each other in a circle.
_LOCK = """
    SELECT partition, ms, seq FROM log_positions
    WHERE namespace = %s AND partition = ANY(%s) ORDER BY partition FOR UPDATE
"""
# To lose it costs nothing: it then says less than is so. And a projector that dies or stands still
# while it tells Redis must not keep all others from it.
_LIGHTLY = """
    set_config('synchronous_commit', 'off', true),
    set_config('idle_in_transaction_session_timeout', '15s', true)
"""
_ADVANCE = """
    INSERT INTO log_positions AS kept (namespace, partition, ms, seq)
    SELECT %s, given.* FROM unnest(%s::int[], %s::bigint[], %s::bigint[])
        AS given (partition, ms, seq) ORDER BY partition
    ON CONFLICT (namespace, partition) DO UPDATE SET ms = excluded.ms, seq = excluded.seq
    WHERE (excluded.ms, excluded.seq) > (kept.ms, kept.seq)
"""


async def positions(session: Session, namespace: str) -> Positions:
    """Return how far each partition of a log is archived."""
    return _by_partition(await read(session, _ALL, [namespace], row_factory=tuple_row))


async def locked(session: Session, namespace: str, partitions: Collection[int]) -> Positions:
    """Begin a transaction, and return the same of some partitions.

    Nobody else advances those as long as it lasts.
    """
    await pin(session, _LIGHTLY)
    cursor = await session.execute(_LOCK, [namespace, list(partitions)])
    return _by_partition(await cursor.fetchall())


async def advance(session: Session, namespace: str, reached: Positions) -> None:
    """Note how far partitions are archived. None goes back."""
    ids = reached.values()
    columns = [list(reached), [ms for ms, _ in ids], [seq for _, seq in ids]]
    await session.execute(_ADVANCE, [namespace, *columns])


def _by_partition(rows: Sequence[TupleRow]) -> Positions:
    return {partition: (ms, seq) for partition, ms, seq in rows}
