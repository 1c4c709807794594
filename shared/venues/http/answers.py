"""The meaning of an answer that is no 200. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import msgspec

from shared.hiding import hidden, line
from shared.venues.protocol import VenueRejected, VenueUnavailable

LONGEST_REST_S: Final = 60.0  # Whoever asks for more is asked again after so long.
# A no to what was asked for, and not to whoever asked or when.
_FINAL: Final = frozenset({400, 404, 409, 410, 413, 414, 422})
_WORDS: Final = ("error", "message", "msg", "errorMessage", "errorCode", "code")
_object = msgspec.json.Decoder(dict[str, object])


class Refused(VenueRejected):
    """A final no, with the answer as it came: the venue may know more of it."""

    def __init__(self, why: str, status: int, body: bytes) -> None:
        super().__init__(why)
        self.status = status
        self.body = body


class HeldBack(VenueUnavailable):
    """Nothing was asked: it would have been one too many, by our own count."""

    counts = False


class TooSlow(VenueUnavailable):
    """Nothing came within the deadline."""


class Throttled(VenueUnavailable):
    """Too many requests, by the venue's count; `rest_s` is for how long it wants none."""

    counts = False

    def __init__(self, why: str, rest_s: float) -> None:
        super().__init__(why)
        self.rest_s = rest_s


def news_of(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    secrets: Collection[str] = (),
) -> Exception:
    """Return what an answer other than 200 is to the engine; `now` is in seconds since 1970.

    None of the `secrets` that a venue repeats is repeated.
    """
    said = f"answers {status}{_said(body, secrets)}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(said, rest_of(headers, now))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return VenueUnavailable(f"answers {status}: redirects are not followed")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return VenueUnavailable(f"{said}: it does not take the key, or this address")
    if status in _FINAL:
        return Refused(said, status, body)
    return VenueUnavailable(said)


def rest_of(headers: Mapping[str, str], now: float) -> float:
    """Return for how many seconds a venue wants to be left alone: 1 where it does not say.

    It says so by `Retry-After`, in seconds or as a date, or by `x-ratelimit-reset`, in seconds
    since 1970.
    """
    for text, since in ((headers.get("Retry-After", ""), 0.0), _reset(headers, now)):
        if text.isdecimal():
            return min(max(float(text[:12]) - since, 0.0), LONGEST_REST_S)
        try:
            until = parsedate_to_datetime(text).timestamp()
        except (ValueError, OverflowError):  # A year or an offset beyond all clocks.
            continue
        return min(max(until - now, 0.0), LONGEST_REST_S)
    return 1.0


def _reset(headers: Mapping[str, str], now: float) -> tuple[str, float]:
    return headers.get("x-ratelimit-reset", ""), now


def _said(body: bytes, secrets: Collection[str]) -> str:
    """Return a venue's own words, if there are any, fit for a line."""
    try:
        told = _object.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    words = [told[name] for name in _WORDS if isinstance(told.get(name), str | int)]
    text = hidden(" ".join(map(str, words)), secrets)
    return f": {line(text)}" if words else ""
