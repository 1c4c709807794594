"""The statuses of signatures as nodes tell them, and all that a node says in one look."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from msgspec import Struct, convert

from shared.solana.rpc.errors import RpcError
from shared.solana.rpc.replies import Call

_RANKS = ("processed", "confirmed", "finalized")
FINAL = _RANKS.index("finalized")
_HISTORY = {"searchTransactionHistory": True}


class Status(Struct, frozen=True, rename="camel"):
    """A signature as a node knows it.

    A node that says no level has it in its history, which only holds what is final.
    """

    err: Any
    confirmation_status: Literal["processed", "confirmed", "finalized"] | None = None

    @property
    def rank(self) -> int:
        """Return how sure it is: 0 is processed, 1 confirmed, `FINAL` final."""
        return _RANKS.index(self.confirmation_status or "finalized")


class _Context(Struct, frozen=True):
    slot: int


class _Statuses(Struct, frozen=True):
    context: _Context
    value: list[Status | None]


class _Epoch(Struct, frozen=True, rename="camel"):
    absolute_slot: int
    block_height: int


class Looked(Struct, frozen=True, kw_only=True):
    """A node's answers to one look for many signatures, in order; None is one that it refused."""

    name: str
    slot: int | None
    height: int | None
    searched_at: int | None
    statuses: list[Status | None]
    first_slot: int | None


def looked(name: str, answers: Sequence[Any], asked: int) -> Looked:
    """Return the answers to the calls of `looking` as they came."""
    epoch, found, first_slot = (answered(answer) for answer in answers)
    return Looked(
        name=name,
        slot=epoch and epoch.absolute_slot,
        height=epoch and epoch.block_height,
        searched_at=found and found.context.slot,
        statuses=found.value if found else [None] * asked,
        first_slot=first_slot,
    )


def of_statuses(signatures: Sequence[str], *options: object) -> Call:
    """Return the question for a status of each, whose answer is of type `_Statuses`."""

    def read(result: Any) -> _Statuses:
        statuses = convert(result, _Statuses)
        if len(statuses.value) != len(signatures):
            raise ValueError(f"{len(statuses.value)} of {len(signatures)} statuses")
        return statuses

    return Call("getSignatureStatuses", [signatures, *options], read)


def looking(signatures: Sequence[str]) -> list[Call]:
    """Return the calls of a look, whose order counts: see `shared.solana.proof.Look`."""
    return [
        Call("getEpochInfo", [{"commitment": "finalized"}], partial(convert, type=_Epoch)),
        of_statuses(signatures, _HISTORY),
        Call("getFirstAvailableBlock", read=partial(convert, type=int)),
    ]


def answered(answer: Any) -> Any:
    """Return an answer, or None in the place of a refusal."""
    return None if isinstance(answer, RpcError) else answer
