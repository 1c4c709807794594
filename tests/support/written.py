"""All that a run has written: into Redis, PostgreSQL, its pages, and its folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from redis import Redis

_VALUES: Mapping[bytes, Callable[[Redis, bytes], Any]] = {
    b"string": lambda redis, key: redis.get(key),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"stream": lambda redis, key: [redis.xrange(key), redis.xinfo_stream(key, full=True)],
}
_TABLES = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
"""


def in_redis(url: str) -> dict[str, bytes]:
    """Return every key with its value. Fails on a kind of value that is not known here."""
    with Redis.from_url(url) as redis:
        return {
            f"Redis, {key!r}": key + b" " + _flat(_VALUES[redis.type(key)](redis, key))
            for key in redis.scan_iter(count=1_000)
        }


def _flat(value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case dict():
            return _flat(value.items())
        case str() | int() | float() | None:
            return str(value).encode()
        case Iterable():
            return b"\n".join(map(_flat, value))
    raise TypeError(f"{value!r} came from Redis")


def in_postgres(url: str) -> dict[str, bytes]:
    """Return every row of every table as text."""
    written = {}
    with psycopg.connect(url) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            rows = sql.SQL("SELECT one::text FROM {} AS one").format(sql.Identifier(schema, table))
            text = "\n".join(row[0] for row in connection.execute(rows))
            written[f"PostgreSQL, {schema}.{table}"] = text.encode()
    return written


def on_pages(urls: Iterable[str]) -> dict[str, bytes]:
    """Return what each URL answers. Fails on one that answers with an error."""
    with httpx.Client(timeout=60, trust_env=False) as http:
        return {url: http.get(url).raise_for_status().content for url in urls}


def in_files(root: Path, besides: Collection[Path]) -> dict[str, bytes]:
    """Return the content of every file below a folder, and the names of all."""
    files = [path for path in root.rglob("*") if path.is_file() and path not in besides]
    names = {"names of files": "\n".join(map(str, root.rglob("*"))).encode()}
    return names | {str(path.relative_to(root)): path.read_bytes() for path in files}
