"""An event loop in a thread of its own, for what must go on while a test's own loop waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Elsewhere:
    """Runs coroutines in its thread until it is closed."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._until_closed()), daemon=True
        )
        self._thread.start()
        self._started.wait()

    async def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Return what the work returns, or raise what it raises."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        """End the thread, and cancel what is left."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _until_closed(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await self._stop.wait()
