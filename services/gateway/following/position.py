"""Follow orders without a gap: every client sees every event once and in order.

A place is brought up to date from the history, then fed live. It takes an update only if it
is the very next one, so it does not matter how often an update comes or whether the history or
the live link brings it. An update that is further on reveals a gap, which the history fills.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from services.gateway.following.outbox import BROKEN, ENDED, Outbox
from services.gateway.http.problems import Code, Problem
from shared.orders.codec import MalformedEvent
from shared.orders.states import END_STATUSES
from shared.orders.view import public_json


class Update(NamedTuple):
    """A public event, and what following needs to know of it."""

    version: int
    ended: bool  # Whether the order was at its end once this had happened.
    message: bytes


# Puts an order's events into words for one client, in order, each once.
Render: TypeAlias = Callable[[Update], bytes]


class _Public(msgspec.Struct):
    status: str
    version: int


class _Stored(msgspec.Struct):
    type: str


NEWEST = 999_999_999  # No order has so many events.

_SINCE = re.compile(r"[0-9]{1,9}")
_public = msgspec.json.Decoder(_Public)
_stored = msgspec.json.Decoder(_Stored)


def read_update(message: bytes) -> Update:
    """Return the public event that `message` holds. Raises `MalformedEvent`."""
    try:
        event = _public.decode(message)
    except msgspec.DecodeError as error:
        raise MalformedEvent(str(error)) from None
    return Update(event.version, event.status in END_STATUSES, message)


def plain(update: Update) -> bytes:
    """Return the event in our own words."""
    return update.message


def updates_in(history: Sequence[bytes]) -> list[Update]:
    """Return a history as clients may see it. Raises `MalformedEvent`."""
    return [read_update(message) for message in public_history(history)]


def public_history(history: Sequence[bytes]) -> list[bytes]:
    """Return the events of a history as clients may see them. Raises `MalformedEvent`."""
    try:
        return [public_json(_stored.decode(raw).type, raw) for raw in history]
    except msgspec.DecodeError as error:
        raise MalformedEvent(str(error)) from None


class FollowPosition:
    """A follower's place in one order's history. Nothing is shown before it is admitted."""

    def __init__(self, order_id: str, since: int, outbox: Outbox, render: Render = plain) -> None:
        """`since` is the version that the client has."""
        self.order_id = order_id
        self.position = since
        self.admitted = False
        self.outbox = outbox
        self._render = render
        self._heard = 0  # The newest version that was heard of before the admission.
        self._over = False

    def admit(self, history: Sequence[Update]) -> bool:
        """Bring the client up to date for the first time. Return False when more happened since."""
        self.admitted = True
        self._catch_up(history)
        self.caught_up()
        self._end_after(history[-1])
        return self._heard <= self.position

    def feed(self, update: Update) -> bool:
        """Queue a live update. Return False when one before it is missing."""
        if not self.admitted:
            self._heard = max(self._heard, update.version)
            return True
        if update.version > self.position + 1:
            return False
        self._take(update, self.outbox.push)
        self._end_after(update)
        return True

    def heal(self, history: Sequence[Update]) -> bool:
        """Queue what the client has missed of a whole history. Return whether there was any."""
        if not self.admitted:
            self._heard = max(self._heard, history[-1].version)
            return False
        before = self.position
        self._catch_up(history)
        self._end_after(history[-1])
        return self.position > before

    def finish(self, problem: Problem | None = None) -> None:
        """Nothing more will come: the order has ended, or cannot be shown."""
        if not self._over:
            self._over = True
            self.over(problem)

    def caught_up(self) -> None:
        """Do what is due when the client has had all that happened before it came: nothing."""

    def over(self, problem: Problem | None) -> None:
        """Do what is due when nothing more will come: close."""
        self.outbox.close(BROKEN if problem else ENDED)

    def _catch_up(self, history: Iterable[Update]) -> None:
        for update in history:
            self._take(update, self.outbox.answer)

    def _take(self, update: Update, put: Callable[[bytes], None]) -> None:
        if update.version == self.position + 1:
            self.position = update.version
            put(self._render(update))

    def _end_after(self, update: Update) -> None:
        if update.ended and update.version <= self.position:
            self.finish()


def checked_since(name: str, text: str | None) -> int:
    """Return the version after which a client goes on. Raises `Problem` about `name`."""
    if text is None:
        return 0
    if not _SINCE.fullmatch(text):
        raise Problem(Code.INVALID_SINCE, f"{name} must be a number from 0 to {NEWEST}")
    return int(text)
