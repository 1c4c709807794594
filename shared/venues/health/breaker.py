"""Pass a venue that fails, and try it again by itself. Pure: the time comes in, in seconds."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

IN_A_ROW: Final = 5
_SHARE: Final = 0.5
_LEAST: Final = 20  # Answers before their share of failures counts.
_NEWEST: Final = 1 / _LEAST
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_FORGOTTEN_S: Final = 60.0


class State(StrEnum):
    """Of a breaker. An `OPEN` one lets nobody through; a `HALF_OPEN` one is being tried."""

    UP = "up"
    HALF_OPEN = "halfOpen"
    OPEN = "open"


class Breaker:
    """One venue's. It opens after failures in a row, or when half of what is asked fails."""

    def __init__(self) -> None:
        self.state = State.UP
        self.why = ""  # The last failure, while it is not up.
        self.tried_again_at = 0.0
        self._row = 0
        self._asked = 0
        self._share = 0.0  # Of failures, the newer the weightier.
        self._pause_s = _FIRST_PAUSE_S
        self._up_since = 0.0

    def answered(self, now: float) -> None:
        """Note an answer, be it a no."""
        self._row = 0
        self._asked += 1
        self._share -= _NEWEST * self._share
        if self.state is not State.UP:
            self.state, self.why, self._up_since = State.UP, "", now
            self._asked, self._share = 0, 0.0

    def failed(self, why: str, now: float) -> None:
        """Note that there was no answer."""
        self._row += 1
        self._asked += 1
        self._share += _NEWEST * (1 - self._share)
        if self.state is State.UP and not self._is_too_much():
            return
        self.why = why
        if self.state is not State.OPEN:
            self._open(now)

    def tries(self, now: float) -> bool:
        """Return whether to try it now: one at a time, after each pause."""
        if self.state is not State.OPEN or now < self.tried_again_at:
            return False
        self.state = State.HALF_OPEN
        return True

    def put_off(self, now: float) -> None:
        """Note that a trial did not take place."""
        self.state, self.tried_again_at = State.OPEN, now + self._pause_s

    def _is_too_much(self) -> bool:
        return self._row >= IN_A_ROW or (self._asked >= _LEAST and self._share >= _SHARE)

    def _open(self, now: float) -> None:
        again = self.state is State.HALF_OPEN or now - self._up_since < _FORGOTTEN_S
        again = again and self.tried_again_at > 0
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s) if again else _FIRST_PAUSE_S
        self.state, self.tried_again_at = State.OPEN, now + self._pause_s
