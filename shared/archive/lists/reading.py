"""Read, count and measure a page of any list."""

from __future__ import annotations

from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from psycopg.rows import class_row

from shared.archive.lists.statements import IN_ORDER
from shared.archive.sessions.session import Session, pin

R = TypeVar("R")


class Page(NamedTuple, Generic[R]):
    """The statement that reads a page, its values, and the kind of its rows."""

    query: LiteralString
    values: dict[str, Any]
    kind: type[R]


async def read_page(session: Session, page: Page[R]) -> list[R]:
    """Return the rows of a page."""
    async with session.cursor(row_factory=class_row(page.kind)) as cursor:
        async with session.pipeline():
            await pin(session, IN_ORDER)
            # Not prepared: which index is best depends on the values.
            await cursor.execute(page.query, page.values, prepare=False)
        return await cursor.fetchall()


async def count_page(session: Session, page: Page[Any]) -> int:
    """Return how many rows a page has."""
    counted: LiteralString = "SELECT count(*) FROM (" + page.query + ") AS matching"  # noqa: S608 - literals
    async with session.pipeline():
        await pin(session, IN_ORDER)
        cursor = await session.execute(counted, page.values, prepare=False)
    [(count,)] = await cursor.fetchall()
    return int(count)


async def last_of(session: Session, page: Page[R], skip: int) -> list[R]:
    """Return the rows of a page behind the first `skip`, which the server leaves out."""
    last = page._replace(
        query=page.query + " OFFSET %(skip)s", values={**page.values, "skip": skip}
    )
    return await read_page(session, last)
