"""The journal: the same chain again, whatever ended the process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from devchain.chain.chain import FILE
from devchain.chain.journal import Closed, JournalError
from devchain.chain.origin import FAUCET_KEY, Genesis
from tests.support.devchain import NOW, SOL, Desk

_TO = Pubkey.new_unique()


@pytest.fixture
def sent(tmp_path: Path) -> list[str]:
    """Return what was sent to a chain that has ended: blocks, a failure, a fork, an open block."""
    with Desk(tmp_path) as desk:
        wallet = desk.funded()
        signatures = [desk.send(desk.transfer(wallet, _TO))]
        desk.step(3)
        signatures.append(desk.send(desk.transfer(wallet, _TO, 900 * SOL), skipPreflight=True))
        desk.step(40)
        desk.send(desk.transfer(wallet, _TO, 7 * SOL))
        desk.step(5)
        desk.ask("devchain_fork", 6)
        signatures.append(desk.send(desk.transfer(wallet, _TO, 2 * SOL)))
    return signatures


def state(desk: Desk, signatures: list[str]) -> Any:
    """Return all that a client can see."""
    transactions = [
        desk.ask("getTransaction", each, {"maxSupportedTransactionVersion": 0})
        for each in signatures
    ]
    balances = [
        desk.balance(key, commitment)
        for key in (_TO, FAUCET_KEY)
        for commitment in ("processed", "confirmed", "finalized")
    ]
    statuses = [desk.status(each) for each in signatures]
    hashes = [desk.blockhash(commitment) for commitment in ("processed", "finalized")]
    return transactions, balances, statuses, hashes, desk.heights(), desk.ask("getGenesisHash")


def test_a_replay_gives_the_same_balances_signatures_hashes_and_heights(
    tmp_path: Path, sent: list[str]
) -> None:
    with Desk(tmp_path) as desk:
        first = state(desk, sent)
        assert [status["slot"] for status in first[2]] == sorted(s["slot"] for s in first[2])
        assert desk.balance(_TO) == 3 * SOL
    with Desk(tmp_path) as desk:
        assert state(desk, sent) == first


def test_what_was_answered_before_the_block_was_closed_is_there_after_a_kill(
    tmp_path: Path, sent: list[str]
) -> None:
    """A kill leaves what was handed to the system: the file as it is, without a close."""
    with Desk(tmp_path) as desk:
        signature = desk.send(desk.transfer(desk.funded(), _TO, 5 * SOL))
        killed = (tmp_path / FILE).read_bytes()
        before = state(desk, [*sent, signature])
    (tmp_path / "after").mkdir()
    (tmp_path / "after" / FILE).write_bytes(killed)

    with Desk(tmp_path / "after") as desk:
        assert state(desk, [*sent, signature]) == before


_TORN: dict[str, Callable[[bytes], bytes]] = {
    "within records": lambda whole: whole[:-400],
    "within a body": lambda whole: whole[:-1],
    "within a frame": lambda whole: whole + b"\x01",
    "with zeros of the file system": lambda whole: whole + bytes(5_000),
    "with a body that was not written": lambda whole: whole[:-20] + bytes(20),
}


@pytest.mark.parametrize("how", _TORN)
def test_a_torn_last_record_is_cut_and_the_chain_goes_on(
    tmp_path: Path, sent: list[str], how: str
) -> None:
    path = tmp_path / FILE
    path.write_bytes(_TORN[how](path.read_bytes()))

    with Desk(tmp_path) as desk:
        heights = desk.heights()
        desk.step(40)
        ahead = desk.heights()
        assert desk.status(sent[0])["confirmationStatus"] == "finalized"
    with Desk(tmp_path) as desk:
        assert desk.heights() == ahead
        assert ahead[1] == heights[1] + 40


def test_a_journal_damaged_before_its_end_is_refused(tmp_path: Path, sent: list[str]) -> None:
    path = tmp_path / FILE
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)

    with pytest.raises(JournalError, match=r"damaged at byte \d+, before its end: bring back"):
        Desk(tmp_path)
    assert path.read_bytes() == whole


def test_a_chain_that_would_replay_to_something_else_is_refused(
    tmp_path: Path, sent: list[str]
) -> None:
    path = tmp_path / FILE
    with Desk(tmp_path) as desk:
        slot, _ = desk.heights()
        desk.chain._journal.append(Closed(bytes(32), slot + 1, NOW))

    with pytest.raises(JournalError, match="replays to another outcome than was written"):
        Desk(tmp_path)
    assert path.exists()


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("somebody's notes")

    with pytest.raises(JournalError, match="is no journal of this version"):
        Desk(tmp_path)
    assert (tmp_path / FILE).read_text() == "somebody's notes"


def test_two_processes_never_write_one_journal(tmp_path: Path) -> None:
    with Desk(tmp_path), pytest.raises(JournalError, match="in use by another devchain"):
        Desk(tmp_path)


def test_a_chain_keeps_its_own_genesis_and_another_chain_has_another_hash(
    tmp_path: Path,
) -> None:
    other = Genesis.of({}, {}, salt=b"another", time=NOW)
    with Desk(tmp_path / "a") as desk:
        hash_of_a = desk.ask("getGenesisHash")
    with Desk(tmp_path / "a", genesis=other) as desk, Desk(tmp_path / "b", genesis=other) as new:
        assert desk.ask("getGenesisHash") == hash_of_a
        assert new.ask("getGenesisHash") != hash_of_a


def test_a_block_is_on_the_disk_before_anybody_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    with Desk(tmp_path) as desk:
        synced.clear()

        desk.step()

        assert synced == [(tmp_path / FILE).stat().st_size]
