"""The proof that a transaction is dead: it did not land, and no node will take it any more."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

# Blocks after that of its blockhash at which a transaction may land, by lastValidBlockHeight.
_LIFE = 150


class Claim(Struct, frozen=True, kw_only=True):
    """A signed transaction as its event has it.

    `valid_until` is the last block height (never a slot) at which it may land; `signed_at` is a
    slot that had not passed when it was signed.
    """

    valid_until: int
    signed_at: int


class Look(Struct, frozen=True, kw_only=True):
    """The answers of one node, asked in this order.

    `slot` and `height` are of getEpochInfo(finalized). Then `searched_at` is the context's slot of
    getSignatureStatuses with searchTransactionHistory, and `found` whether it had any status. Then
    `first_slot` is of getFirstAvailableBlock. None is an answer that did not come: the others may
    contradict all the same.
    """

    url: str
    slot: int | None
    height: int | None
    searched_at: int | None
    found: bool
    first_slot: int | None


class Proven(Struct, frozen=True):
    """The transaction never lands; `proof` says by whose word."""

    proof: str


class Unproven(Struct, frozen=True):
    """Nobody knows: it may still land, or have landed."""

    why: str


def prove(claim: Claim, looks: Sequence[Look], quorum: int) -> Proven | Unproven:
    """Return whether `quorum` nodes prove the transaction dead, and none contradicts.

    Nodes that did not answer are left out of `looks`. Answers of one node about many transactions
    may share all but `found`.
    """
    if quorum < 1:
        raise ValueError("quorum must be 1 or more")
    if seen := [look.url for look in looks if look.found]:
        return Unproven(f"{', '.join(seen)} knows the transaction")
    doubts = {look.url: doubt for look in looks if (doubt := _doubt(claim, look))}
    sure = {look.url: look for look in looks if look.url not in doubts}
    if len(sure) >= quorum:
        return Proven("; ".join(_word(claim, look) for look in sure.values()))
    said = "; ".join(f"{url} {doubt}" for url, doubt in doubts.items())
    return Unproven(f"{len(sure)} of {quorum} nodes prove it" + (f"; {said}" if said else ""))


def _doubt(claim: Claim, look: Look) -> str:
    """Return why a node's answers prove nothing, or nothing if they do."""
    if (
        look.slot is None
        or look.height is None
        or look.searched_at is None
        or look.first_slot is None
    ):
        return "leaves a question unanswered"
    if look.height <= claim.valid_until:
        return f"is at height {look.height}, and {claim.valid_until} has to be passed"
    # No block is made without a slot: this holds even where `valid_until` is a lie.
    if look.height > look.slot or look.slot - claim.signed_at <= _LIFE:
        return f"contradicts itself: height {look.height} at slot {look.slot}"
    if look.searched_at < look.slot:
        return f"searched at slot {look.searched_at}, behind its own slot {look.slot}"
    if look.first_slot > claim.signed_at:
        return f"keeps no block before slot {look.first_slot}"
    return ""


def _word(claim: Claim, look: Look) -> str:
    return (
        f"{look.url}: finalized height {look.height} is past {claim.valid_until}, and no block from"
        f" slot {claim.signed_at} to {look.searched_at} holds it"
    )
