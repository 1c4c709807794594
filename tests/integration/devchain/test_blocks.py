"""Slots, heights, commitments and the window of blockhashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from solders.hash import Hash
from solders.pubkey import Pubkey

from devchain.chain.chain import Habits
from devchain.chain.ledger import Retention
from tests.support.devchain import SOL, Desk, Refused

_TO = Pubkey.new_unique()


def test_a_height_counts_blocks_and_a_slot_counts_those_that_were_skipped_too(desk: Desk) -> None:
    slot, height = desk.heights()

    desk.step(400)

    later_slot, later_height = desk.heights()
    assert later_height == height + 400
    assert later_slot > slot + 400


def test_without_skipping_a_slot_is_a_block(tmp_path: Path) -> None:
    with Desk(tmp_path, Habits(skip_one_in=0)) as desk:
        slot, _ = desk.heights()

        desk.step(200)

        assert desk.heights()[0] == slot + 200


def test_commitments_are_0_1_and_32_blocks_deep(desk: Desk) -> None:
    wallet = desk.funded()
    desk.send(desk.transfer(wallet, _TO))
    seen = []
    for _ in range(34):
        depths = ("processed", "confirmed", "finalized")
        seen.append([desk.balance(_TO, depth) // SOL for depth in depths])
        desk.step()

    assert seen == [[1, 0, 0], *[[1, 1, 0]] * 31, *[[1, 1, 1]] * 2]


def test_a_status_tells_its_depth_and_then_that_it_is_final(desk: Desk) -> None:
    wallet = desk.funded()
    signature = desk.send(desk.transfer(wallet, _TO))
    told = []
    for blocks in (0, 1, 30, 1):
        desk.step(blocks)
        status = desk.status(signature)
        told.append((status["confirmationStatus"], status["confirmations"]))

    assert told == [("processed", 0), ("confirmed", 1), ("confirmed", 31), ("finalized", None)]


def test_a_blockhash_is_good_for_151_blocks_and_not_for_another(desk: Desk) -> None:
    wallet = desk.funded()
    recent = desk.blockhash()

    desk.step(150)
    assert desk.ask("isBlockhashValid", str(recent), {"commitment": "confirmed"})["value"]
    desk.send(desk.transfer(wallet, _TO, blockhash=recent))
    desk.step()
    too_late = desk.transfer(wallet, _TO, 2 * SOL, recent)
    with pytest.raises(Refused, match="Blockhash not found") as refused:
        desk.send(too_late)
    desk.send(too_late, skipPreflight=True)

    assert refused.value.code == -32002
    assert refused.value.data["err"] == "BlockhashNotFound"
    assert desk.balance(_TO) == SOL
    assert not desk.ask("isBlockhashValid", str(recent), {"commitment": "confirmed"})["value"]


def test_no_node_promises_a_blockhash_for_longer_than_it_is_good(desk: Desk) -> None:
    wallet = desk.funded()
    said = desk.ask("getLatestBlockhash", {"commitment": "finalized"})["value"]
    recent, last = Hash.from_string(said["blockhash"]), said["lastValidBlockHeight"]

    desk.step(last - desk.heights()[1])

    assert desk.heights()[1] == last
    desk.send(desk.transfer(wallet, _TO, blockhash=recent))


def test_a_preflight_knows_no_blockhash_younger_than_its_commitment(desk: Desk) -> None:
    wallet = desk.funded()
    transaction = desk.transfer(wallet, _TO, blockhash=desk.blockhash("confirmed"))

    with pytest.raises(Refused, match="Blockhash not found"):
        desk.send(transaction, preflightCommitment="finalized")

    desk.send(transaction, preflightCommitment="confirmed")


def test_a_later_slot_than_the_nodes_is_refused_by_the_code_for_it(desk: Desk) -> None:
    slot, _ = desk.heights()

    with pytest.raises(Refused) as refused:
        desk.ask("getBalance", str(_TO), {"commitment": "processed", "minContextSlot": slot + 1})

    assert refused.value.code == -32016
    assert refused.value.data == {"contextSlot": slot}


def test_history_older_than_is_kept_is_gone_and_the_node_says_from_where_it_knows(
    tmp_path: Path,
) -> None:
    with Desk(tmp_path, Habits(retention=Retention(blocks=400))) as desk:
        signature = desk.send(desk.transfer(desk.funded(), _TO))
        landed_at = desk.status(signature)["slot"]
        assert desk.ask("getFirstAvailableBlock") < landed_at

        desk.step(200)

        assert desk.status(signature)
        desk.step(300)
        assert desk.status(signature) is None
        assert desk.ask("getFirstAvailableBlock") > landed_at
        assert desk.balance(_TO) == SOL


def test_statuses_of_more_than_300_blocks_ago_take_a_search(desk: Desk) -> None:
    signature = desk.send(desk.transfer(desk.funded(), _TO))

    desk.step(299)
    assert desk.status(signature, search=False)
    desk.step()

    assert desk.status(signature, search=False) is None
    assert desk.status(signature, search=True)
