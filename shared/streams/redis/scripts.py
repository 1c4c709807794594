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
_NAMES: dict[str, str] = {}  # By digest, and by text.

_TWO_WORDS = ("CONFIG", "PUBSUB", "XGROUP", "XINFO")

# Scripts do not roll back, so one that writes in several places asks before the first of them, once
# for each kind of key.
_ASK_FIRST = """local asked = {}
local function must_be_allowed(kind, command, key)
  if asked[kind] then return end
  if not redis.acl_check_cmd(command, key) then
    error({err = 'NOPERM the user may not run ' .. command .. ' on ' .. key})
  end
  asked[kind] = true
end
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, called by its digest."""

    digest: str

    @classmethod
    def load(
        cls, package: str, path: str, *, when_full: bool = False, if_writable: bool = False
    ) -> Self:
        """Read the script that lies beside a package's modules.

        `when_full` lets it write on a server that is out of memory: what was begun must be able
        to end there, for only an end makes room again. `if_writable` does not even begin it on a
        server that would refuse to write.
        """
        text = files(package).joinpath(path).read_text()
        if "must_be_allowed" in text:
            text = _ASK_FIRST + text
        if when_full or if_writable:
            text = f"#!lua{' flags=allow-oom' if when_full else ''}\n{text}"
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _TEXTS[digest] = text
        _NAMES[digest] = _NAMES[text] = path.rpartition("/")[2]
        return cls(digest)

    def command(self, keys: Sequence[str], args: Sequence[Any]) -> Command:
        """Return the command that runs the script. All `keys` must lie in one slot."""
        return ("EVALSHA", self.digest, len(keys), *keys, *args)


def spelled_out(command: Command) -> Command:
    """Return the command that calls a script by its text, for a server that forgot it."""
    return ("EVAL", _TEXTS[command[1]], *command[2:])


def name_of(command: Command) -> str:
    """Return what a command is called, for people: its own name, or the file of its script."""
    if command[0] in ("EVALSHA", "EVAL"):
        return _NAMES[command[1]]
    return " ".join(command[: 2 if command[0] in _TWO_WORDS else 1])


def key_of(command: Command) -> str:
    """Return the first key of a command that has its key first, or of a script's."""
    key: str = command[3] if command[0] in ("EVALSHA", "EVAL") else command[1]
    return key
