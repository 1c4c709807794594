"""What went from a replica to a server lately, byte for byte, to be sent again."""

from __future__ import annotations

from collections import deque
from random import Random

import hiredis

_KEPT = 64  # Bursts that write, as many that do not, and as many sessions.
_MOST_BYTES = 1 << 18
_MARK = b"*1\r\n$4\r\nMARK\r\n"


class Sent:
    """What a connection has sent: the first bytes that there is room for."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)

    def add(self, data: bytes) -> None:
        """Keep what was sent next."""
        if len(self._bytes) < _MOST_BYTES:
            self._bytes += data


class Traffic:
    """Remembers what makes sense by itself: a burst of commands to Redis, or a whole session."""

    def __init__(self, writes: bytes) -> None:
        """Tell what writes from the rest by a word that is in it."""
        self._writes = writes
        self._writing: deque[Sent] = deque(maxlen=_KEPT)
        self._other: deque[Sent] = deque(maxlen=_KEPT)

    def keep(self, sent: Sent) -> None:
        """Remember it, and forget the oldest."""
        (self._writing if self._writes in bytes(sent) else self._other).append(sent)

    def some(self, dice: Random, most: int) -> list[bytes]:
        """Return some of it, of what writes above all."""
        kept = self._writing if self._writing and dice.random() < 0.8 else self._other
        picked = dice.sample(list(kept), min(most, len(kept)))
        return [bytes(sent) for sent in picked]


def is_whole(burst: bytes) -> bool:
    """Return whether these are whole commands to Redis, from the first byte to the last."""
    reader = hiredis.Reader()
    reader.feed(burst + _MARK)
    commands = []
    try:
        while (command := reader.gets()) is not False:
            commands.append(command)
    except hiredis.ProtocolError:
        return False
    return commands[-1:] == [[b"MARK"]] and all(isinstance(one, list) for one in commands)
