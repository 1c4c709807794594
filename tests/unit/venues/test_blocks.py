"""When it proves something that a node finds no trace of a transaction."""

from __future__ import annotations

import pytest

from shared.venues.blocks import Blocks
from shared.venues.protocol import Expired, Unknown

# A block a ms, so that heights and times are the same numbers.
BLOCKS = Blocks(every_ms=1, valid=150, kept_ms=1_000)
SIGNED_AT, LAST = 10_000, 10_150


def test_a_height_is_the_number_of_whole_blocks_so_far() -> None:
    assert [Blocks(every_ms=400, valid=1, kept_ms=1).height(ms) for ms in (399, 400)] == [0, 1]


@pytest.mark.parametrize(
    ("now", "proven"),
    [
        (LAST - 1, False),  # It may still land.
        (LAST + 1, False),  # The block that may hold it is not final.
        (LAST + 32, False),
        (LAST + 33, True),
        (SIGNED_AT + 1_000, True),
        (SIGNED_AT + 1_001, False),  # The first block that may hold it is kept no longer.
    ],
)
def test_absence_is_proof_only_while_every_block_in_question_is_final_and_kept(
    now: int, *, proven: bool
) -> None:
    answer = BLOCKS.absence(LAST, now, pruned=False)

    assert isinstance(answer, Expired if proven else Unknown)


def test_a_pruned_history_proves_nothing() -> None:
    assert BLOCKS.absence(LAST, LAST + 33, pruned=True) == Unknown()


def test_a_proof_says_what_was_looked_at() -> None:
    assert BLOCKS.absence(LAST, LAST + 50, pruned=False) == Expired(
        "valid up to block 10150, in none of those final up to 10168"
    )
