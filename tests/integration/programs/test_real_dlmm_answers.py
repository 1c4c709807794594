"""The program meteora_dlmm against what the real one answered: every recorded case."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from typing import Any

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata

from devchain.dlmm.addresses import PROGRAM
from tests.support.cpmm import data_of, recorded_refusal, refusal, send, set_time, tokens
from tests.support.dlmm import (
    MOST_UNITS,
    Swap,
    blob,
    change,
    new_chain,
    put,
    put_state,
    random_pools,
    refusals,
    swap_of,
    unpacked,
    vectors,
)

_GROUPS = sorted({case["group"] for case in vectors()["cases"]})
# The most that a swap takes here of what the real program took for it, and in 128ths.
_SHARE_OF_UNITS = 144
# Amounts of X and Y, then those of limit orders: `meta.bin_fields` of the vectors.
_BIN = struct.Struct("<QQ32xQQ48xQQQIB3x")
_EVENTS = {
    "swap": struct.Struct("<8s8s64xiiQQ?QQQ8x8x"),
    "swap2": struct.Struct("<8s8s64xii?Q8x7Q??"),
}
_DISCRIMINATORS = {
    name: bytes.fromhex("e445a52e51cb9a1d") + sha256(f"event:{title}".encode()).digest()[:8]
    for name, title in (("swap", "Swap"), ("swap2", "Swap2Evt"))
}
_FIELDS = {
    "swap": "start_bin_id end_bin_id amount_in amount_out swap_for_y fee protocol_fee fee_rate_1e9",
    "swap2": "start_bin_id end_bin_id swap_for_y fee_rate_1e9 amount_in amount_left amount_out "
    "mm_fee protocol_fee limit_order_fee host_fee fees_on_input fees_on_token_x",
}


def bins(chain: LiteSVM, state: dict[str, Any]) -> dict[int, tuple[int, ...]]:
    """Return the amounts of all bins of a pool by their numbers."""
    found = {}
    for index, key in state["bin_arrays"].items():
        data = data_of(chain, Pubkey.from_string(key))
        for number, bin_ in enumerate(_BIN.iter_unpack(data[56:])):
            found[70 * int(index) + number] = bin_
    return found


def told(result: TransactionMetadata | FailedTransactionMetadata) -> dict[str, dict[str, object]]:
    """Return the events of a swap, as the program tells them to itself."""
    found = {}
    assert isinstance(result, TransactionMetadata)
    for inner in (each for group in result.inner_instructions() for each in group):
        data = bytes(inner.instruction().data)
        for name, head in _DISCRIMINATORS.items():
            if data.startswith(head):
                numbers = _EVENTS[name].unpack(data)[2:]
                found[name] = dict(zip(_FIELDS[name].split(), numbers, strict=True))
                found[name].pop("swap_for_y")
    return found


def answers(chain: LiteSVM, cases: list[dict[str, Any]]) -> Iterator[tuple[int, str, Any, Any]]:
    """Swap as the cases say, on the state that the one before left; tell what came out."""
    for name, steps in groupby(cases, key=lambda case: case["state"]):
        state = vectors()["states"][name]
        put_state(chain, state)
        for case in steps:
            number, before = case["id"], bins(chain, state)
            set_time(chain, case["clock"])
            swap = swap_of(chain, state, case, case["bin_arrays"])
            user = [swap.accounts[place].pubkey for place in (4, 5)]
            held = [tokens(chain, key) for key in user]
            result = send(chain, swap.instruction(), units=MOST_UNITS)
            after = bins(chain, state)
            moved = [tokens(chain, key) - had for key, had in zip(user, held, strict=True)]
            changed = [[k, *after[k]] for k in sorted(after) if after[k] != before[k]]
            yield number, "refusal", refusal(result), recorded_refusal(case)
            yield number, "paid", -moved[0], case.get("amount_in_taken", 0)
            yield number, "out", moved[1], case.get("amount_out", 0)
            yield number, "bins", changed, case.get("bins_changed", [])
            if case["ok"]:
                pair = data_of(chain, Pubkey.from_string(state["pool"]))
                digest = sha256(pair).hexdigest()[:16]
                yield number, "pair", digest, case["lb_pair_sha256"]
                yield number, "events", told(result), case["event"]
                assert isinstance(result, TransactionMetadata)
                spent = result.compute_units_consumed() * 128 // case["compute_units"]
                yield number, "units", max(spent, _SHARE_OF_UNITS), _SHARE_OF_UNITS


@pytest.mark.parametrize("group", _GROUPS)
def test_every_swap_ends_as_with_the_real_program(group: str) -> None:
    cases = [case for case in vectors()["cases"] if case["group"] == group]

    wrong = [each for each in answers(new_chain(), cases) if each[2] != each[3]]

    assert wrong == []


def test_pair_bins_and_samples_are_the_real_ones_byte_for_byte_after_the_last_swap() -> None:
    chain = new_chain()
    for final in vectors()["final_states"]:
        cases = [case for case in vectors()["cases"] if case["state"] == final["state"]]
        list(answers(chain, cases))

        assert len(cases) == final["after_step"] + 1
        for key, name in final["accounts"].items():
            assert data_of(chain, Pubkey.from_string(key)) == blob(name)


@pytest.mark.parametrize("part", range(4))
def test_swaps_on_random_pools_leave_every_account_as_with_the_real_program(part: int) -> None:
    chain, wrong = new_chain(), []
    for number, pool in enumerate(random_pools()["pools"][part::4]):
        put_state(chain, vectors()["states"][pool["state"]])
        for key, data in pool["before"].items():
            put(chain, Pubkey.from_string(key), unpacked(data), PROGRAM)
        for step in pool["steps"]:
            set_time(chain, step["clock"])
            metas = [AccountMeta(Pubkey.from_string(key), s, w) for key, s, w in step["accounts"]]
            asked = Instruction(PROGRAM, bytes.fromhex(step["data"]), metas)
            found = refusal(send(chain, asked, units=MOST_UNITS))
            given = {key for key, _, _ in step["accounts"]}
            other = [
                key
                for key, digest in step["after"].items()
                if key in given
                and sha256(data_of(chain, Pubkey.from_string(key))).hexdigest()[:16] != digest
            ]
            if found != step["answer"] or other:
                wrong.append((4 * number + part, found, step["answer"], other))

    assert wrong == []


def test_accounts_and_data_are_written_as_in_the_recorded_instructions() -> None:
    chain = new_chain()
    for recorded in vectors()["instructions"]:
        case = vectors()["cases"][recorded["case"]]
        state = vectors()["states"][case["state"]]
        put_state(chain, state)
        swap = swap_of(chain, state, case, case["bin_arrays"])
        metas = [(str(a.pubkey), a.is_signer, a.is_writable) for a in swap.accounts]

        assert metas == [(a["pubkey"], a["signer"], a["writable"]) for a in recorded["accounts"]]
        assert swap.data.hex() == recorded["data"]


@pytest.mark.parametrize("part", range(4))
def test_every_wrong_account_and_datum_is_answered_as_by_the_real_program(part: int) -> None:
    chain, meta = new_chain(), refusals()["meta"]
    state = vectors()["states"][meta["state"]]
    wrong = []
    for number, case in enumerate(refusals()["cases"][part::4]):
        put_state(chain, state)
        set_time(chain, meta["clock"])
        wish = {
            "x_to_y": case["x_to_y"],
            "amount_in": meta["amount_in"],
            "min_out": meta["min_out"],
        }
        swap = swap_of(chain, state, wish, [0, -1] if case["x_to_y"] else [0])
        for place, kind, how in case["changes"]:
            swap = change(chain, swap, place, kind, how)
        data = bytes.fromhex(case["data"]) if "data" in case else swap.data
        swap = Swap(swap.accounts[: case.get("accounts")], data)
        found = refusal(send(chain, swap.instruction(), units=MOST_UNITS))
        if found != case.get("here", case["answer"]):
            wrong.append((4 * number + part, found, case["answer"]))

    assert wrong == []
