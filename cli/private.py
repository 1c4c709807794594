"""Files that hold a secret: for their owner's eyes, and whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

Owner = tuple[int, int]  # The numbers of a user and of a group.


def write_private(path: Path, content: bytes, owner: Owner | None = None) -> None:
    """Write a file that its owner alone may read, in one step. Raises `OSError`."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    # Made by nobody else, who might keep it open or lead elsewhere.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        file.write(content)
    new.rename(path)


def tighten(path: Path) -> None:
    """Let nobody but the owner of a file, or of everything in a folder, have a look.

    Raises `OSError`.
    """
    if not path.exists():
        return
    path.chmod(0o700 if path.is_dir() else 0o600)
    for folder, names, files in os.walk(path):
        for name in (*names, *files):
            inside = Path(folder, name)
            if not inside.is_symlink():
                inside.chmod(0o700 if inside.is_dir() else 0o600)
