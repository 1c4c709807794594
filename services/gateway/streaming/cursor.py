"""Where a follower is in the log, as one short text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from shared.streams.log.epoch import EPOCH_BYTES
from shared.streams.log.tail import EntryId, Places

_FORMAT = 1
_LONGEST = 32_768  # Characters; 1,024 partitions take some 5,000.
_MOST = 2**64
_SEVEN_BITS, _MORE = 0x7F, 0x80  # Of a byte, the lowest first, and whether others follow.


class BadCursor(ValueError):
    """The text is no cursor of this log."""


class Cursor(NamedTuple):
    """All that was on the log of `epoch` up to these places has been told, as of `at_ms`."""

    epoch: str  # In hex.
    at_ms: int  # When the log was read so far, in ms since 1970.
    places: Places

    def encode(self) -> str:
        """Return it as clients send it back. What the text says is no promise."""
        out = bytearray([_FORMAT])
        out += bytes.fromhex(self.epoch)
        _put(out, self.at_ms)
        for ms, seq in self.places:
            # Mostly a moment ago, and the difference is a byte or two.
            since = self.at_ms - ms
            _put(out, since * 2 if since >= 0 else -since * 2 - 1)
            _put(out, seq)
        return base64.urlsafe_b64encode(out).rstrip(b"=").decode()

    def moved(self, places: Mapping[int, EntryId]) -> Cursor:
        """Return the cursor that is at these places in some partitions."""
        return self._replace(
            places=tuple(places.get(p, place) for p, place in enumerate(self.places))
        )

    @classmethod
    def decode(cls, text: str, partitions: int) -> Cursor:
        """Return what a text stands for. Raises `BadCursor`."""
        if len(text) > _LONGEST:
            raise BadCursor("it is too long")
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise BadCursor("it is not one that a stream has given") from None
        if raw[:1] != bytes([_FORMAT]) or len(raw) < 1 + EPOCH_BYTES:
            raise BadCursor("it is not one that a stream has given")
        epoch, numbers = raw[1 : 1 + EPOCH_BYTES].hex(), _numbers(raw[1 + EPOCH_BYTES :])
        at_ms, *rest = [*numbers] or [0]
        if len(rest) != 2 * partitions:
            raise BadCursor("it is of another log, or cut off")
        return cls(epoch, at_ms, tuple(_places(at_ms, rest)))


def _places(at_ms: int, numbers: list[int]) -> Iterator[EntryId]:
    for since, seq in zip(numbers[::2], numbers[1::2], strict=True):
        ms = at_ms - (since // 2 if since % 2 == 0 else -(since // 2) - 1)
        if not 0 <= ms < _MOST or at_ms >= _MOST or seq >= _MOST:
            raise BadCursor("it is not one that a stream has given")
        yield ms, seq


def _put(out: bytearray, number: int) -> None:
    while number > _SEVEN_BITS:
        out.append(number & _SEVEN_BITS | _MORE)
        number >>= 7
    out.append(number)


def _numbers(raw: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in raw:
        number |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if byte < _MORE:
            yield number
            number = shift = 0
    if shift:
        raise BadCursor("it is cut off")
