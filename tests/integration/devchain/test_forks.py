"""Forks: what is not final is taken back, and may land after all."""

from __future__ import annotations

import pytest
from solders.pubkey import Pubkey

from tests.support.devchain import SOL, Desk, Refused

_TO = Pubkey.new_unique()


def test_a_fork_takes_back_balances_and_statuses_and_the_same_bytes_may_land_again(
    desk: Desk,
) -> None:
    wallet = desk.funded()
    sent = desk.transfer(wallet, _TO)
    desk.step(2)
    signature = desk.send(sent)
    desk.send(desk.transfer(wallet, _TO, 2 * SOL))
    desk.step(3)
    assert desk.status(signature)["confirmationStatus"] == "confirmed"

    desk.ask("devchain_fork", 3)

    assert desk.status(signature) is None
    assert desk.balance(_TO) == 0
    assert desk.balance(wallet.pubkey()) == 100 * SOL
    assert desk.send(sent) == signature
    assert desk.balance(_TO) == SOL


def test_heights_go_back_and_slots_never_do(desk: Desk) -> None:
    desk.step(40)
    slot, height = desk.heights()

    desk.ask("devchain_fork", 10)

    assert desk.heights() == (slot + 1, height - 10)


def test_a_blockhash_of_a_block_that_was_taken_back_is_worthless(desk: Desk) -> None:
    wallet = desk.funded()
    desk.step(2)
    lost = desk.transfer(wallet, _TO, blockhash=desk.blockhash())

    desk.ask("devchain_fork", 1)
    desk.step(3)

    with pytest.raises(Refused, match="Blockhash not found"):
        desk.send(lost)


def test_what_is_final_is_never_taken_back(desk: Desk) -> None:
    wallet = desk.funded()
    signature = desk.send(desk.transfer(wallet, _TO))
    desk.step(32)

    with pytest.raises(Refused, match="32 blocks can't be taken back: 31 are not final"):
        desk.ask("devchain_fork", 32)
    desk.ask("devchain_fork", 31)

    assert desk.status(signature)["slot"]
    assert desk.balance(_TO) == SOL


def test_no_fork_upon_another_takes_back_what_was_final_once(desk: Desk) -> None:
    wallet = desk.funded()
    signature = desk.send(desk.transfer(wallet, _TO))
    desk.step(32)
    final = desk.ask("getEpochInfo")

    desk.ask("devchain_fork", 31)

    with pytest.raises(Refused, match=": 0 are not final"):
        desk.ask("devchain_fork", 1)
    assert desk.ask("getEpochInfo") == final
    assert desk.status(signature)["confirmationStatus"] == "finalized"
    desk.step(5)
    desk.ask("devchain_fork", 5)
    assert desk.ask("getEpochInfo") == final


def test_commitments_hold_after_one_fork_upon_another(desk: Desk) -> None:
    wallet = desk.funded()
    for _ in range(3):
        desk.step(31)
        desk.ask("devchain_fork", 31)
        desk.send(desk.transfer(wallet, _TO))
        desk.step(2)

    desk.step(30)

    assert desk.balance(_TO, "finalized") == desk.balance(_TO) == SOL * 3
