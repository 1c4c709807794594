"""A PostgreSQL of one's own that can be killed as a power cut would, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from cli.layout import Layout
from cli.postgres import Postgres
from cli.process import Program, as_user
from tests.chaos.wire import Server

_START_S = 120.0  # On a machine that is busy; quiet, it takes one.
_PAUSE_S = 0.1


class Database:
    """PostgreSQL with its whole process group, on data below `folder`."""

    def __init__(self, folder: Path) -> None:
        layout = Layout(folder)
        layout.make()
        self._postgres = Postgres(layout)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where it listens, once it was started."""
        return self._postgres.url

    @property
    def server(self) -> Server:
        """Return how a wire gets there. Sessions can be repeated: it asks for no password."""
        path = f"{conninfo_to_dict(self.url)['host']}/.s.PGSQL.5432"
        return Server("PostgreSQL", path, writes=b"COMMIT", sessions=True)

    def url_at(self, port: int) -> str:
        """Return where it is found by way of a wire."""
        plain = "sslmode=disable&gssencmode=disable"
        return f"postgresql://postgres@127.0.0.1:{port}/postgres?{plain}"

    async def start(self) -> None:
        """Return once it takes connections. What a kill left behind may take a few tries."""
        program = await self._postgres.prepare()
        async with asyncio.timeout(_START_S):
            while not await self._postgres.answers():
                if self._process is None or self._process.poll() is not None:
                    self._process = _launched(program)
                await asyncio.sleep(_PAUSE_S)

    def pause(self) -> None:
        """Let it hang: connections stay, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the server and every process of it at once."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def clean(self) -> None:
        """Kill it and remove what lies outside its folder."""
        self.kill()
        self._postgres.clean()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, number)


def _launched(program: Program) -> subprocess.Popen[bytes]:
    with program.log_file.open("ab") as log:
        return subprocess.Popen(
            program.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=program.env,
            start_new_session=True,
            **as_user(program.user),
        )
