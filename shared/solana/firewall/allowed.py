"""The words of the firewall: what one order allows, and a refusal."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct
from solders.hash import Hash
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.terms import Terms


class Refused(Struct, frozen=True):
    """Why a message is not signed; `instruction` counts from 0, and is None for the message."""

    what: str
    instruction: int | None = None

    def __str__(self) -> str:
        where = "the message" if self.instruction is None else f"instruction {self.instruction}"
        return f"{where}: {self.what}"


class Refusal(Exception):
    """A refusal on its way out of the firewall."""


class SwapCall(Struct, frozen=True, kw_only=True):
    """The promise of a venue's instruction: the program itself holds to it, or fails.

    Exactly `amount_in` atoms leave `pays`, by the word of `authority`; `min_out` at least come to
    `receives`. The only accounts that it may change are `writable`. An `opaque` one hands its
    accounts on to programs that nobody here knows: it is not signed before a rehearsal.
    """

    pays: Pubkey
    receives: Pubkey
    authority: Pubkey
    amount_in: int
    min_out: int
    writable: Collection[Pubkey]
    opaque: bool = False


class SwapDecoder(Protocol):
    """Reads a venue's swap instruction."""

    @property
    def programs(self) -> Collection[Pubkey]:
        """Return the venue's programs."""
        ...

    def decode(self, instruction: Instruction) -> SwapCall:
        """Return the promise of an instruction of these programs.

        Its flags are the message's: an account may be writable, or sign, for another one.
        Raises `ValueError` for all but an exact swap, accounts too many or unknown included.
        """
        ...


class Allowed(Struct, frozen=True, kw_only=True):
    """All that a message may do.

    The proof that a transaction is dead rests on its `blockhash`: any other one is refused.
    `max_cu_limit` is in compute units, `max_cu_price` in micro-lamports a unit.
    """

    terms: Terms
    blockhash: Hash
    max_cu_limit: int
    max_cu_price: int
    venue: SwapDecoder
