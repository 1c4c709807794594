"""A batch as PostgreSQL takes it in binary: its columns as arrays, or its rows for `COPY`.

psycopg packs them too, element by element, which costs more than all else that is done to a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct, pack

from psycopg import adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format

# What PostgreSQL calls its types.
_INT4, _TEXT, _TIMESTAMPTZ, _UUID = 23, 25, 1184, 2950
_UUID_SIZE = 16

# What stands in front of the rows and behind them, and in a row: the number of its columns, then of
# each its length and itself. PostgreSQL's documentation of COPY, "Binary Format".
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + pack(">ii", 0, 0), pack(">h", -1)
_UUID_INT_AND_LENGTH, _TIME_AND_LENGTH = Struct(">hi16siii"), Struct(">iqi")

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Packed(bytes):
    """An array as the server reads it. The statement says of which type: ``%s::int[]``."""

    __slots__ = ()


class _PackedDumper(Dumper):
    format = Format.BINARY  # And of no type, so the statement's own one counts.

    def dump(self, obj: Packed) -> Packed:
        return obj


adapters.register_dumper(Packed, _PackedDumper)


def rows(values: Iterable[tuple[str, int, bytes, datetime, bytes]]) -> bytes:
    """Return rows of `uuid, int, text, timestamptz, json`. Raises `ValueError` for no UUID."""
    parts = [_HEADER]
    named: str | None = None
    uuid = b""
    for name, number, word, at, text in values:
        if name != named:  # An order's events stand together.
            named, uuid = name, _uuid(name)
        parts += (
            _UUID_INT_AND_LENGTH.pack(5, _UUID_SIZE, uuid, 4, number, len(word)),
            word,
            _TIME_AND_LENGTH.pack(8, (at - _EPOCH) // _MICROSECOND, len(text)),
            text,
        )
    parts.append(_TRAILER)
    return b"".join(parts)


def uuids(values: Sequence[str]) -> Packed:
    """Return a `uuid[]`. Raises `ValueError` for what is none."""
    return _array(_UUID, [_uuid(value) for value in values])


def _uuid(value: str) -> bytes:
    packed = bytes.fromhex(value.replace("-", ""))
    # The server calls another size a broken connection, and nobody would find the culprit.
    if len(packed) != _UUID_SIZE:
        raise ValueError("not a UUID")
    return packed


def integers(values: Sequence[int]) -> Packed:
    """Return an `int[]`."""
    return _array(_INT4, [pack(">i", value) for value in values])


def times(values: Sequence[datetime]) -> Packed:
    """Return a `timestamptz[]`."""
    return _array(_TIMESTAMPTZ, [pack(">q", (at - _EPOCH) // _MICROSECOND) for at in values])


def texts(values: Sequence[bytes]) -> Packed:
    """Return a `text[]` of what is UTF-8 already."""
    return _array(_TEXT, values)


def _array(of_type: int, values: Sequence[bytes]) -> Packed:
    # One dimension, no NULLs, counted from 1; then each element behind its length.
    parts = [pack(">iIIiI", 1, 0, of_type, len(values), 1)]
    for value in values:
        parts += (len(value).to_bytes(4), value)
    return Packed(b"".join(parts))
