"""When the answers of nodes prove a transaction dead, and every lie and lag that does not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.solana.proof import Claim, Look, Proven, Unproven, prove

CLAIM = Claim(valid_until=1_150, signed_at=5_000)


def _look(url: str = "a", **changes: Any) -> Look:
    fields: dict[str, Any] = {
        "slot": 5_200,
        "height": 1_151,
        "searched_at": 5_200,
        "found": False,
        "first_slot": 5_000,
    }
    return Look(url=url, **fields | changes)


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"height": 1_150}, "has to be passed"),
        ({"height": 5_100, "slot": 5_000, "searched_at": 5_000}, "contradicts itself"),
        ({"slot": 5_000, "searched_at": 5_000}, "contradicts itself"),
        ({"slot": 5_150, "searched_at": 5_150}, "contradicts itself"),
        ({"searched_at": 5_199}, "behind its own slot"),
        ({"first_slot": 5_001}, "keeps no block before"),
        ({"slot": None}, "leaves a question unanswered"),
        ({"height": None}, "leaves a question unanswered"),
        ({"searched_at": None}, "leaves a question unanswered"),
        ({"first_slot": None}, "leaves a question unanswered"),
        ({"found": True}, "a knows the transaction"),
        ({"found": True, "height": 1}, "a knows the transaction"),
    ],
    ids=range(12),
)
def test_each_lie_and_lag_of_the_only_node_proves_nothing(lie: dict[str, Any], said: str) -> None:
    answer = prove(CLAIM, [_look(**lie)], quorum=1)

    assert isinstance(answer, Unproven)
    assert said in answer.why


@pytest.mark.parametrize(
    ("looks", "quorum", "proven"),
    [
        ([_look()], 1, True),
        ([_look(slot=5_151)], 1, True),
        ([_look(searched_at=6_000, slot=5_999, height=1_200, first_slot=0)], 1, True),
        ([], 1, False),
        ([_look()], 2, False),
        ([_look("a"), _look("a")], 2, False),  # One node is one witness.
        ([_look("a"), _look("b")], 2, True),
        ([_look("a"), _look("b", height=1_150)], 2, False),
        ([_look("a"), _look("b", height=1_150), _look("c")], 2, True),
        ([_look("a"), _look("a", searched_at=1)], 1, False),
        ([_look("a"), _look("b"), _look("c", found=True)], 2, False),
        ([_look("a"), _look("b"), _look("c", found=True, height=1)], 1, False),
        ([_look("a"), _look("b"), _look("c", found=True, first_slot=None)], 2, False),
    ],
)
def test_a_proof_takes_a_quorum_and_no_contradiction(
    looks: list[Look], quorum: int, proven: bool
) -> None:
    assert isinstance(prove(CLAIM, looks, quorum), Proven) == proven


def test_a_proof_names_its_witnesses_and_a_doubt_those_that_fall_short() -> None:
    proof = prove(CLAIM, [_look("a"), _look("b")], quorum=2)
    doubt = prove(CLAIM, [_look("a"), _look("b", first_slot=9_999)], quorum=2)

    assert isinstance(proof, Proven)
    assert isinstance(doubt, Unproven)
    assert proof.proof.startswith("a: finalized height 1151 is past 1150")
    assert "; b: finalized" in proof.proof
    assert doubt.why == "1 of 2 nodes prove it; b keeps no block before slot 9999"


def test_no_quorum_is_no_question() -> None:
    with pytest.raises(ValueError, match="quorum"):
        prove(CLAIM, [], quorum=0)
