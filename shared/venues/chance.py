"""Chance for the simulation: repeatable when seeded, unpredictable when not."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b

_BYTES = 4
_RANGE = Decimal(256**_BYTES)


@dataclass(frozen=True, slots=True)
class Chance:
    """One venue's dice. With a `seed`, a draw is a function of what is asked; "" means none."""

    seed: str
    venue: str

    def of(self, *asked: str) -> Decimal:
        """Return a number from 0 up to, but not including, 1."""
        if not self.seed:
            return random.getrandbits(8 * _BYTES) / _RANGE
        question = "\0".join((self.seed, self.venue, *asked)).encode()
        digest = blake2b(question, digest_size=_BYTES).digest()
        return int.from_bytes(digest, "big") / _RANGE
