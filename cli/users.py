"""The user that PostgreSQL runs as: it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cli.console import Trouble


def ensure_user(name: str) -> None:
    """Add a user of the system that is missing. Raises `Trouble` where none can be added."""
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


def open_way(path: Path, user: str) -> None:
    """Let `user` pass through the directories above `path`, but not list them.

    Nobody else is let through where the group of a directory has no rights that it would lose.
    """
    group = pwd.getpwnam(user).pw_gid
    for directory in path.parents:
        found = directory.stat()
        if found.st_mode & 0o001 or (found.st_gid == group and found.st_mode & 0o010):
            continue
        if found.st_mode & 0o070:
            directory.chmod(found.st_mode | 0o001)
        else:
            os.chown(directory, -1, group)
            directory.chmod(found.st_mode | 0o010)


def own_name() -> str:
    """Return the name of the user whose process this is. Raises `Trouble` where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise Trouble(
            f"PostgreSQL runs for users with a name, and {os.geteuid()} has none: "
            "give --database-url."
        ) from None
