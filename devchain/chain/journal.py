"""The journal: every step of the chain in one file, only ever appended to.

A line that tells the version, then records: length and CRC-32 of four bytes each, and the record.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

import msgspec

from devchain.chain.origin import Genesis

logger = logging.getLogger(__name__)

MAGIC = b"journal of a development chain, version 1\n"
_FRAME = struct.Struct("<II")
_LARGEST = 64 * 1024 * 1024  # Bytes of a record; the largest is a genesis with its programs.


class Sent(msgspec.Struct, frozen=True, array_like=True, tag="tx"):
    """A transaction was executed in the open block."""

    raw: bytes


class Closed(msgspec.Struct, frozen=True, array_like=True, tag="block"):
    """The open block was closed with a hash, and the next one opened at a slot and unix time."""

    hash: bytes
    slot: int
    time: int


class Forked(msgspec.Struct, frozen=True, array_like=True, tag="fork"):
    """The open block and the last `count` closed ones were taken back, and another one opened."""

    count: int
    slot: int
    time: int


Record: TypeAlias = Genesis | Sent | Closed | Forked

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


class JournalError(Exception):
    """The journal can't be used. Says why, and what to do."""


class Journal:
    """An open journal, which no other process may open. What was flushed survives a kill."""

    def __init__(self, path: Path) -> None:
        """Open the journal, or begin one. Raises `JournalError` if another process has it."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("a+b")
        self._waiting = bytearray()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise JournalError(
                f"{path} is in use by another devchain: stop that one, or choose another --data-dir"
            ) from None

    def records(self) -> Iterator[Record]:
        """Return what is written so far, and cut off a last record that was not written whole.

        Raises `JournalError` if anything before the end is damaged.
        """
        self._file.seek(0)
        head = self._file.read(len(MAGIC))
        end = len(MAGIC)
        if head == MAGIC:
            for record, after in self._read(end):
                yield record
                end = after
        elif MAGIC.startswith(head):
            self._file.truncate(0)
            self._file.write(MAGIC)
        else:
            raise JournalError(
                f"{self.path} is no journal of this version of devchain: choose another --data-dir"
            )
        self._cut(end)

    def append(self, record: Record) -> None:
        """Append a record, to be written at the next `flush`."""
        payload = _encode(record)
        self._waiting += _FRAME.pack(len(payload), zlib.crc32(payload)) + payload

    def flush(self) -> None:
        """Hand everything to the operating system: from here on it survives the process."""
        if self._waiting:
            self._file.write(self._waiting)
            self._file.flush()
            self._waiting.clear()

    def sync(self) -> None:
        """Bring everything to the disk: from here on it survives the machine."""
        self.flush()
        os.fsync(self._file.fileno())

    def abandon(self) -> None:
        """Let another process have the journal, and write nothing any more."""
        self._file.close()

    def close(self) -> None:
        """Bring everything to the disk and let another process have the journal."""
        self.sync()
        self.abandon()

    def _read(self, at: int) -> Iterator[tuple[Record, int]]:
        size = os.fstat(self._file.fileno()).st_size
        while at < size:
            frame = self._file.read(_FRAME.size)
            length, checksum = _FRAME.unpack(frame) if len(frame) == _FRAME.size else (size, 0)
            end = at + _FRAME.size + length
            payload = self._file.read(length) if end <= size else b""
            if end > size or length == 0 or zlib.crc32(payload) != checksum:
                if end >= size or self._is_blank(at):
                    return
                raise JournalError(
                    f"{self.path} is damaged at byte {at}, before its end: bring back a copy, or "
                    "choose another --data-dir"
                )
            yield _decoder.decode(payload), end
            at = end

    def _is_blank(self, at: int) -> bool:
        """Return whether the rest is a file system's zeros, for what it had no time to write."""
        self._file.seek(at)
        return not self._file.read(_LARGEST).strip(b"\0")

    def _cut(self, end: int) -> None:
        size = os.fstat(self._file.fileno()).st_size
        if size > end:
            logger.warning("cut %d bytes of a record that was never whole", size - end)
            self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)
