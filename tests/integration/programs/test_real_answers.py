"""The program against what the real one answered: every recorded case."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction_metadata import TransactionMetadata

from devchain.cpmm.addresses import PROGRAM, pool_addresses
from devchain.cpmm.layouts import Config, PoolState, read_pool
from devchain.cpmm.swap import swap_instruction
from devchain.wire import associated
from tests.support.cpmm import (
    USER,
    data_of,
    load,
    new_chain,
    put_pool,
    recorded_refusal,
    refusal,
    send,
    set_time,
    tokens,
    vectors,
)

_GROUPS = sorted({case["group"] for case in vectors()["cases"]})
_ROLES = {a["role"]: Pubkey.from_string(a["pubkey"]) for a in vectors()["complete"][0]["accounts"]}
_MINTS = _ROLES["input_token_mint"], _ROLES["output_token_mint"]
# The most that a swap of the vectors takes here; the real program takes up to 33,500.
_COMPUTE_UNITS = 24_000


@cache
def config(name: str) -> Config:
    recorded = vectors()["configs"][name]
    found = Config(**{key: value for key, value in recorded.items() if key != "address"})
    at = pool_addresses(found.index, *_MINTS)
    assert str(at.config) == recorded["address"]
    return found


def numbers(recorded: dict[str, Any]) -> tuple[PoolState, list[int]]:
    """Return a recorded pool and what its vaults hold."""
    state = PoolState(
        decimals=(9, 6),
        protocol_fees=(recorded["protocol_fees_token_0"], recorded["protocol_fees_token_1"]),
        fund_fees=(recorded["fund_fees_token_0"], recorded["fund_fees_token_1"]),
        **{key: recorded[key] for key in ("recent_epoch", "status", "open_time")},
    )
    return state, [recorded["vault_0"], recorded["vault_1"]]


def differences(chain: LiteSVM, case: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Swap as the case says; return what came out otherwise than with the real program."""
    at = pool_addresses(config(case["config"]).index, *_MINTS)
    side = 0 if case["zero_for_one"] else 1
    held = (case["user"]["token_0"], case["user"]["token_1"])
    before, vaults = numbers(case["pool"])
    put_pool(chain, at, config(case["config"]), before, zip(vaults, held, strict=True))
    set_time(chain, case["clock"]["unix_timestamp"], case["clock"]["epoch"])
    result = send(chain, swap_instruction(at, USER, side, case["amount_in"], case["min_out"]))

    landed = isinstance(result, TransactionMetadata)
    spent = (
        result if isinstance(result, TransactionMetadata) else result.meta()
    ).compute_units_consumed()
    out = tokens(chain, associated(USER, at.mints[1 - side])) - held[1 - side]
    paid = held[side] - tokens(chain, associated(USER, at.mints[side]))
    after, now_in = numbers({**case["pool"], **case.get("after", {})})
    compared = {
        "refusal": (refusal(result), recorded_refusal(case)),
        "out": (out, case.get("amount_out", 0)),
        "paid": (paid, case["amount_in"] if landed else 0),
        "pool": (read_pool(data_of(chain, at.pool)), after),
        "vaults": ([tokens(chain, vault) for vault in at.vaults], now_in),
        "compute units": (max(spent, _COMPUTE_UNITS), _COMPUTE_UNITS),
    }
    return {name: pair for name, pair in compared.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("group", _GROUPS)
def test_every_swap_ends_as_with_the_real_program(group: str) -> None:
    chain = new_chain()
    cases = [case for case in vectors()["cases"] if case["group"] == group]

    wrong = {case["id"]: found for case in cases if (found := differences(chain, case))}

    assert wrong == {}


def test_accounts_and_event_are_the_real_ones_byte_for_byte() -> None:
    chain = new_chain()
    for whole in vectors()["complete"]:
        case = vectors()["cases"][whole["case"]]
        load(chain, whole["before"])
        set_time(chain, case["clock"]["unix_timestamp"], case["clock"]["epoch"])
        metas = [(a["pubkey"], a["signer"], a["writable"]) for a in whole["accounts"]]
        result = send(chain, instruction(metas, whole["data"]))
        told = result if isinstance(result, TransactionMetadata) else result.meta()
        events = [line.split(": ")[1] for line in told.logs() if line.startswith("Program data: ")]

        assert refusal(result) == recorded_refusal(case)
        assert events == whole["program_data_log"]
        assert told.compute_units_consumed() <= whole["compute_units"]
        assert changed(chain, whole["after"]) == {}


@pytest.mark.parametrize("direction", [0, 1])
def test_every_wrong_account_and_datum_is_answered_as_by_the_real_program(direction: int) -> None:
    chain = new_chain()
    recorded = vectors()["account_checks"][direction]
    base = recorded["base"]
    usual = [(a["pubkey"], a["signer"], a["writable"]) for a in base["accounts"]]
    touched = [item for case in recorded["cases"] for item in case.get("before", {}).items()]
    strays = {key for key, account in touched if not (account and account["executable"])}
    wrong = {}
    for case in recorded["cases"]:
        load(chain, dict.fromkeys(strays))
        load(chain, {**base["before"], **case.get("before", {})})
        set_time(chain, base["clock"]["unix_timestamp"], base["clock"]["epoch"])
        metas = case.get("accounts", usual)
        result = send(chain, instruction(metas, case.get("data", base["data"])))
        after = {**base["after"], **case.get("after", {})} if case["ok"] else {}
        given = {key for key, _, _ in metas}
        found = changed(chain, {key: data for key, data in after.items() if key in given})
        if refusal(result) != recorded_refusal(case) or found:
            wrong[case["name"]] = (refusal(result), recorded_refusal(case), list(found))

    assert wrong == {}


def instruction(metas: list[Any], data: str) -> Instruction:
    accounts = [AccountMeta(Pubkey.from_string(k), s, w) for k, s, w in metas]
    return Instruction(PROGRAM, bytes.fromhex(data), accounts)


def changed(chain: LiteSVM, recorded: dict[str, str]) -> dict[str, bytes]:
    """Return the accounts that are not as recorded."""
    now = {key: data_of(chain, Pubkey.from_string(key)) for key in recorded}
    return {key: now[key] for key, data in recorded.items() if now[key] != base64.b64decode(data)}
