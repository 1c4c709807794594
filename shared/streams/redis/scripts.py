"""Commands, and Lua scripts that are called by their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self, TypeAlias

Command: TypeAlias = tuple[Any, ...]


# What a server that forgot a script is told again.
_TEXTS: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, called by its digest."""

    digest: str

    @classmethod
    def load(cls, package: str, path: str, *, when_full: bool = False) -> Self:
        """Read the script that lies beside a package's modules.

        `when_full` lets it write on a server that is out of memory: what was begun must be able
        to end there, for only an end makes room again.
        """
        text = files(package).joinpath(path).read_text()
        if when_full:
            text = f"#!lua flags=allow-oom\n{text}"
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _TEXTS[digest] = text
        return cls(digest)

    def command(self, keys: Sequence[str], args: Sequence[Any]) -> Command:
        """Return the command that runs the script. All `keys` must lie in one slot."""
        return ("EVALSHA", self.digest, len(keys), *keys, *args)


def spelled_out(command: Command) -> Command:
    """Return the command that calls a script by its text, for a server that forgot it."""
    return ("EVAL", _TEXTS[command[1]], *command[2:])


def key_of(command: Command) -> str:
    """Return the first key of a command that has its key first, or of a script's."""
    key: str = command[3] if command[0] in ("EVALSHA", "EVAL") else command[1]
    return key
