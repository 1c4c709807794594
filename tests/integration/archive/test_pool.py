"""The sessions of the archive, as they are lent."""

from __future__ import annotations

import asyncio
from functools import partial

from shared.archive import pool
from shared.archive.pool import Pool
from shared.archive.session import Session
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


async def _hold(_session: Session, all_lent: asyncio.Semaphore, until: asyncio.Event) -> None:
    all_lent.release()
    await until.wait()


async def _nothing(_session: Session) -> None:
    pass
