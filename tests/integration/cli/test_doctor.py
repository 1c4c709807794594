"""`slipstream doctor` where servers take connections and never answer."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

from tests.support.cli import command


async def test_all_that_hangs_is_named_at_once_and_keeps_nobody_waiting() -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for _ in range(3)
        ]
        seen = await asyncio.to_thread(
            command,
            "doctor",
            *("--url", f"http://127.0.0.1:{silent[0]}"),
            *("--redis-url", f"redis://:secret@127.0.0.1:{silent[1]}/0"),
            *("--database-url", f"postgresql://me:secret@127.0.0.1:{silent[2]}/x"),
        )
    broken = [line for line in seen.stdout.splitlines() if line.startswith("broken ")]

    assert seen.returncode == 1
    assert broken == [
        f"broken    gateway at http://127.0.0.1:{silent[0]}: no answer within 3 s",
        f"broken    Redis at 127.0.0.1:{silent[1]}: no answer within 3 s",
        f"broken    PostgreSQL at 127.0.0.1:{silent[2]}: no answer within 3 s",
    ]
    assert "secret" not in seen.stdout + seen.stderr
