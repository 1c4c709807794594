"""The sessions of the archive, as they are lent."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import pytest

from shared.archive.errors import ArchiveUnavailable
from shared.archive.sessions import pool
from shared.archive.sessions.pool import Pool
from shared.archive.sessions.session import Session
from tests.support.archive import outage
from tests.support.eventually import eventually

_TURNS = 30  # Of the event loop, more than it takes to hand a session on.


async def test_a_cancellation_that_comes_with_a_session_is_heeded(database_url: str) -> None:
    sessions = await Pool.open(database_url)
    heeded = []
    for turns in range(_TURNS):
        all_lent, enough = asyncio.Semaphore(0), asyncio.Event()
        holders = [
            asyncio.create_task(sessions.do(partial(_hold, all_lent=all_lent, until=enough)))
            for _ in range(pool._SESSIONS)
        ]
        for _ in holders:
            await all_lent.acquire()
        waits = asyncio.create_task(sessions.do(_nothing))
        await eventually(lambda: sessions.sessions()["waited_for"])
        enough.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        was_asked = waits.cancel()
        await asyncio.wait([waits, *holders])
        heeded.append(waits.cancelled() or not was_asked)
    lent = sessions.sessions()["in_use"]
    await sessions.close()

    assert heeded == [True] * _TURNS
    assert lent == 0


async def test_an_outage_is_told_once_and_so_is_its_end(
    postgres_url: str, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sessions = await Pool.open(database_url)
    async with asyncio.TaskGroup() as group:
        for _ in range(pool._SESSIONS):
            group.create_task(sessions.do(_look))
    patience_s, sessions._pool.timeout = sessions._pool.timeout, 0.1
    with outage(postgres_url, database_url):
        for _ in range(4):
            with pytest.raises(ArchiveUnavailable):
                await sessions.do(_look)
    sessions._pool.timeout = patience_s
    await eventually(partial(_answers, sessions))
    await sessions.do(_look)
    told = [record.levelname for record in caplog.records if record.name == pool.__name__]
    theirs = [record for record in caplog.records if record.levelno >= logging.WARNING]
    await sessions.close()

    assert told == ["WARNING", "INFO"]
    assert len(theirs) == 1


async def _answers(sessions: Pool) -> bool:
    try:
        await sessions.do(_look)
    except ArchiveUnavailable:
        return False
    return True


async def _look(session: Session) -> None:
    await session.execute("SELECT")


async def _hold(_session: Session, all_lent: asyncio.Semaphore, until: asyncio.Event) -> None:
    all_lent.release()
    await until.wait()


async def _nothing(_session: Session) -> None:
    pass
