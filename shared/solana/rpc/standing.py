"""How a node has done lately: its usual time to answer, and whether others are quicker."""

from __future__ import annotations

import time
from typing import Final

_SHARE: Final = 0.1  # Of the newest answer in the usual time.
_TIMES: Final = 4  # More than its usual time: another one is asked as well.
_LEAST: Final = 5  # The shortest patience is such a part of the longest.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
_FORGOTTEN_S: Final = 60.0


class Standing:
    """One node's. A node that is overtaken is asked after the others until it is quick again."""

    def __init__(self, most_s: float) -> None:
        """`most_s` is the longest patience, in seconds."""
        self._most_s = most_s
        self._usual_s = most_s
        self._pause_s = _FIRST_PAUSE_S
        self._overtaken_at = 0.0
        self.is_slow = False
        self.slot = 0  # The last one that an answer was of.

    @property
    def patience_s(self) -> float:
        """Return how long to wait for an answer before another node is asked too."""
        return min(self._most_s, max(self._most_s / _LEAST, _TIMES * self._usual_s))

    def answered(self, spent_s: float, slot: int) -> None:
        """Note an answer, its time, and the slot that it was of: 0 where it does not say."""
        if spent_s <= self.patience_s:
            self.is_slow = False
        self._usual_s += _SHARE * (min(spent_s, self._most_s) - self._usual_s)
        self.slot = slot or self.slot

    def overtaken(self) -> float:
        """Note that another one answered first; return for how long to let it be, in seconds."""
        now = time.monotonic()
        again = now - self._overtaken_at < _FORGOTTEN_S
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s) if again else _FIRST_PAUSE_S
        self.is_slow, self._overtaken_at = True, now
        return self._pause_s
