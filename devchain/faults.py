"""Faults on demand: what one node does wrong, and how often. Each call draws anew."""

from __future__ import annotations

from random import Random
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from devchain.chain.ledger import MOST_LAG

Rate: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class Faults(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Probabilities from 0 to 1, amounts, and the methods that are meant; none means all."""

    methods: frozenset[str] = frozenset()
    never_lands: Rate = 0  # sendTransaction says all is well; the chain never sees the transaction.
    lands_late: Rate = 0
    late_blocks: Annotated[int, Meta(ge=1, le=1_000)] = 20
    lost_reply: Rate = 0  # The call was done; the answer is a 504 without a word of it.
    lag_slots: Annotated[int, Meta(ge=0, le=MOST_LAG)] = 0  # The node answers as of then.
    forgets: Rate = 0  # The node knows of no transaction.
    pruned: bool = False  # The node has kept nothing but final blocks' states, and says so.
    throttled: Rate = 0  # 429
    unavailable: Rate = 0  # 503
    silent: Rate = 0  # No answer for `silent_ms`, and nothing done; then a 504.
    silent_ms: Annotated[int, Meta(ge=0, le=600_000)] = 30_000


class Striking:
    """The faults of one node now, and the chance by which they strike."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self._random = Random(seed)  # noqa: S311 - chance, not a secret

    def strikes(self, rate: float, *methods: str) -> bool:
        """Return whether a fault of this rate strikes a request that calls these methods now."""
        meant = not self.faults.methods or not self.faults.methods.isdisjoint(methods)
        return meant and rate > 0 and self._random.random() < rate
