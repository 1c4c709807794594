"""Jupiter's instructions: read as recorded, bounded by us, and no hostile one passes."""

from __future__ import annotations

import struct
from base64 import b64decode
from functools import partial
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from shared.solana.building.swap import swap_message
from shared.solana.firewall.judge import judge_words
from shared.solana.firewall.message import expand
from shared.solana.terms import Terms
from shared.venues.jupiter.route import (
    EVENT_AUTHORITY,
    JUPITER,
    KINDS,
    Promise,
    RouteReader,
    bounded,
    moved,
    promise_of,
)
from tests.support.hostile import HOSTILE, Scene
from tests.unit.solana.swaps import BLOCKHASH, BONK, THIEF, allowed, envelope, key, terms

ORDER = terms()
MAX_CU_PRICE = 50_000
U64 = st.integers(0, 2**64 - 1)

# Two that the real service gave: one step through one pool, three through the program's accounts.
DIRECT = b64decode("u2T6zDHErxQA4fUFAAAAADQluQAAAAAAZAAAAAAAAQAAAJ12u7hqAAAAAAEQJwAB")
SHARED = b64decode("0ZhTk3z+2OkGgJaYAAAAAABzExIAAAAAADIAAAAAAAMAAAARAe8kAAIRASECAAJoARAnAgM=")


def a_key(number: int) -> Pubkey:
    return key(f"pool account {number}")


def an_account(one: Pubkey, *, signs: bool = False, writes: bool = False) -> AccountMeta:
    return AccountMeta(one, is_signer=signs, is_writable=writes)


def route(  # noqa: PLR0913 - each may be forged
    order: Terms,
    kind: str = "route_v2",
    *,
    authority: Pubkey | None = None,
    pays: Pubkey | None = None,
    receives: Pubkey | None = None,
    amount_in: int | None = None,
    min_out: int | None = None,
    rates: tuple[int, int, int] = (0, 0, 0),
    steps: int = 1,
    also: Pubkey = JUPITER,
) -> Instruction:
    """Return a route as the program's IDL has it, through a pool of five accounts."""
    ours = an_account(authority or order.wallet, signs=True)
    source = an_account(pays or order.pays, writes=True)
    target = an_account(receives or order.receives, writes=True)
    mints = [order.mint_in.address, order.mint_out.address, order.mint_in.program, JUPITER]
    tail = [an_account(one) for one in (EVENT_AUTHORITY, JUPITER)]
    if kind == "route_v2":
        head = [ours, source, target, *map(an_account, mints), an_account(also), *tail]
    else:
        programs = [an_account(a_key(one), writes=True) for one in (10, 11)]
        head = [an_account(a_key(9)), ours, source, *programs, target]
        head += [*map(an_account, mints), *tail]
    pool = [an_account(a_key(one), writes=True) for one in range(5)]
    data = sha256(f"global:{kind}".encode()).digest()[:8] + (b"\5" if kind != "route_v2" else b"")
    amounts = amount_in or order.amount_in, min_out or order.min_out
    data += struct.pack("<QQHHHI", *amounts, *rates, steps) + b"\x26\x10\x27\x00\x01" * steps
    return Instruction(JUPITER, data, [*head, *pool])


ROUTES = ["route_v2", "shared_accounts_route_v2"]


def test_names_and_addresses_are_what_anchor_makes_of_them() -> None:
    for name, kind in KINDS.items():
        assert sha256(f"global:{kind.name}".encode()).digest()[:8] == name
    assert str(EVENT_AUTHORITY) == "D8cy77BBepLMngZx6ZukaTff5hCt1HrWyKk3Hnd9oitf"


@pytest.mark.parametrize(
    ("data", "promise"),
    [
        (DIRECT, (100_000_000, 12_133_684, 100, 0, 0, 1)),
        (SHARED, (10_000_000, 1_184_627, 50, 0, 0, 3)),
    ],
)
def test_amounts_are_read_as_they_were_recorded(data: bytes, promise: tuple[int, ...]) -> None:
    recorded = Instruction(JUPITER, data, [an_account(a_key(0))] * 12)

    assert promise_of(recorded) == Promise(
        **dict(zip(Promise.__struct_fields__, promise, strict=True))
    )


@pytest.mark.parametrize("data", [DIRECT, SHARED])
@given(min_out=U64)
def test_a_bounded_route_differs_in_its_least_and_its_slippage_alone(
    data: bytes, min_out: int
) -> None:
    recorded = Instruction(JUPITER, data, [an_account(a_key(0))] * 12)
    made = bounded(recorded, min_out)
    told = promise_of(made)

    assert told == replace(promise_of(recorded), quoted_out=min_out, slippage_bps=0)
    assert made.accounts == recorded.accounts
    at = 16 if data is DIRECT else 17
    assert (made.data[:at], made.data[at + 10 :]) == (data[:at], data[at + 10 :])


@pytest.mark.parametrize("kind", ROUTES)
def test_a_route_reads_back_as_what_it_promises(kind: str) -> None:
    call = RouteReader().decode(route(ORDER, kind))

    assert (call.pays, call.receives, call.authority) == (
        ORDER.pays,
        ORDER.receives,
        ORDER.wallet,
    )
    assert (call.amount_in, call.min_out, call.opaque) == (ORDER.amount_in, ORDER.min_out, True)
    assert {ORDER.pays, ORDER.receives, a_key(4)} <= set(call.writable)
    assert ORDER.mint_in.address not in call.writable


def _with_data(data: bytes) -> Instruction:
    honest = route(ORDER)
    return Instruction(JUPITER, data, honest.accounts)


def _with_account(place: int, account: Pubkey, kind: str = "route_v2") -> Instruction:
    honest = route(ORDER, kind)
    metas = list(honest.accounts)
    metas[place] = an_account(account)
    return Instruction(JUPITER, honest.data, metas)


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (route(ORDER, rates=(1, 0, 0)), "takes slippage, a fee or a better price: 1, 0 and 0 bps"),
        (route(ORDER, rates=(0, 2, 0)), "0, 2 and 0 bps"),
        (route(ORDER, "shared_accounts_route_v2", rates=(0, 0, 3)), "0, 0 and 3 bps"),
        (route(ORDER, steps=0), "has no steps"),
        (route(ORDER, also=THIEF), f"pays {THIEF}"),
        (_with_account(8, THIEF), f"account 8 is {THIEF}"),
        (_with_account(9, THIEF), f"account 9 is {THIEF}"),
        (_with_account(10, THIEF, "shared_accounts_route_v2"), f"account 10 is {THIEF}"),
        (_with_data(route(ORDER).data[:33]), "route_v2 has 33 bytes of data"),
        (_with_data(b""), "is no route_v2"),
        (_with_data(bytes.fromhex("e517cb977ae3ad2a") + bytes(60)), "is no route_v2"),
        (Instruction(THIEF, route(ORDER).data, route(ORDER).accounts), "is no route_v2"),
        (
            Instruction(JUPITER, route(ORDER).data, route(ORDER).accounts[:9]),
            "route_v2 names 9 accounts",
        ),
        (
            Instruction(
                JUPITER,
                route(ORDER, "shared_accounts_route_v2").data,
                route(ORDER).accounts[:11],
            ),
            "shared_accounts_route_v2 names 11 accounts",
        ),
    ],
    ids=range(14),
)
def test_a_route_that_promises_less_or_is_another_is_not_read(
    forged: Instruction, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        RouteReader().decode(forged)


def test_the_same_receiver_named_twice_is_no_other_receiver() -> None:
    assert RouteReader().decode(route(ORDER, also=ORDER.receives)).receives == ORDER.receives


@pytest.mark.parametrize("kind", ROUTES)
def test_a_route_of_ours_passes_but_for_its_rehearsal(kind: str) -> None:
    message = swap_message(ORDER, [route(ORDER, kind)], envelope())

    assert judge_words(message, allowed(ORDER, RouteReader())) is None


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize("name", [name for name in HOSTILE if "table" not in name])
def test_nothing_hostile_passes_the_firewall(name: str, kind: str) -> None:
    hostile = HOSTILE[name]
    swap: Any = partial(route, ORDER, kind)
    scene = Scene(ORDER, swap, savings=key("savings"), max_cu_price=MAX_CU_PRICE)
    answer = hostile.answer(scene)
    framed = list(expand(swap_message(ORDER, answer.instructions, envelope()), {}).instructions)
    message = to_bytes_versioned(MessageV0.try_compile(answer.payer, framed, [], BLOCKHASH))
    refused = judge_words(message, allowed(ORDER, RouteReader()))

    assert refused is not None, "it would be signed"
    assert any(said in refused.what for said in hostile.said(scene)), refused


@pytest.mark.parametrize("kind", ROUTES)
def test_no_bit_of_the_first_arguments_can_be_changed_but_for_a_better_price(kind: str) -> None:
    honest = route(ORDER, kind)
    permit = allowed(ORDER, RouteReader())
    for at in range(34 * 8):
        data = bytearray(honest.data)
        data[at // 8] ^= 1 << at % 8
        forged = Instruction(JUPITER, bytes(data), honest.accounts)
        refused = judge_words(swap_message(ORDER, [forged], envelope()), permit)
        told = promise_of(forged) if refused is None else None

        assert told is None or (
            told.amount_in == ORDER.amount_in and told.quoted_out >= ORDER.min_out
        )
        assert told is None or told.fee_bps + told.better_price_bps + told.slippage_bps == 0


def test_accounts_are_moved_wherever_they_stand() -> None:
    twice = Instruction(JUPITER, b"", [an_account(a_key(1)), an_account(a_key(2))] * 2)

    made = moved(twice, {a_key(1): a_key(3)})

    assert [meta.pubkey for meta in made.accounts] == [a_key(3), a_key(2)] * 2


def test_mints_that_are_not_the_orders_have_other_accounts() -> None:
    other = replace(ORDER, mint_out=BONK)
    refused = judge_words(
        swap_message(ORDER, [route(other)], envelope()), allowed(ORDER, RouteReader())
    )

    assert refused is not None
    assert "the receiving account of the swap is" in refused.what
