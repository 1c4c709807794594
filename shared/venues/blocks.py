"""The blocks of the simulated chain. Pure: the time comes in, by its own clock, in ms."""

from __future__ import annotations

from dataclasses import dataclass

from shared.venues.protocol import Expired, Unknown

_FINAL = 32  # A block with so many on top of it stays, as on Solana.


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A block every `every_ms`. A transaction is taken for `valid` blocks, and kept for a while."""

    every_ms: int
    valid: int
    kept_ms: int

    def height(self, now_ms: int) -> int:
        """Return the number of the block that is made now."""
        return now_ms // self.every_ms

    def absence(self, valid_until: int, now_ms: int, *, pruned: bool) -> Expired | Unknown:
        """Return what it proves that a node finds no trace of a transaction at its `now_ms`.

        Nothing while a block that may hold it can still be made, or, once `pruned` or with time,
        is no longer kept.
        """
        final = self.height(now_ms) - _FINAL
        kept_from = final if pruned else self.height(now_ms - self.kept_ms)
        signed_at = valid_until - self.valid
        if final <= valid_until or kept_from > signed_at:
            return Unknown()
        return Expired(f"valid up to block {valid_until}, in none of those final up to {final}")
