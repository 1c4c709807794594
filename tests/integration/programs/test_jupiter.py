"""The router on a chain in memory: pools pay what was asked at least, or nothing moves."""

from __future__ import annotations

from dataclasses import replace
from struct import pack_into
from typing import Any

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

from devchain.cpmm.addresses import PoolAddresses, pool_addresses
from devchain.cpmm.layouts import Config, PoolState
from devchain.cpmm.swap import price_swap
from devchain.wire import associated
from tests.support.cpmm import USER, new_chain, put_pool, refusal, send, set_time, tokens
from tests.support.jupiter import JUPITER, RouteV2

MINTS = Pubkey(bytes([1] * 32)), Pubkey(bytes([2] * 32))
CHEAP, DEAR = (
    Config(index=0, trade_fee_rate=2_500, protocol_fee_rate=120_000, fund_fee_rate=40_000),
    Config(index=1, trade_fee_rate=10_000, protocol_fee_rate=120_000, fund_fee_rate=40_000),
)
POOLS = {config: pool_addresses(config.index, *MINTS) for config in (CHEAP, DEAR)}
RESERVES = (10**12, 2 * 10**12)
HELD = 10**10
AMOUNT = 10**9


@pytest.fixture
def chain() -> LiteSVM:
    made = new_chain()
    for config, at in POOLS.items():
        balances = [(reserve, HELD) for reserve in RESERVES]
        put_pool(made, at, config, PoolState(decimals=(9, 6)), balances)
    set_time(made, 1_700_000_000)
    return made


def paid(config: Config, amount: int) -> int:
    return price_swap(config, PoolState(decimals=(9, 6)), RESERVES, 0, amount).out


def route(*hops: tuple[PoolAddresses, int], **changes: Any) -> Instruction:
    fields: dict[str, Any] = {
        "wallet": USER,
        "pays": associated(USER, MINTS[0]),
        "receives": associated(USER, MINTS[1]),
        "mints": MINTS,
        "amount_in": AMOUNT,
        "quoted_out": paid(CHEAP, AMOUNT),
        "hops": hops or [(POOLS[CHEAP], 10_000)],
    }
    return RouteV2(**fields | changes).instruction()


def held(chain: LiteSVM) -> tuple[int, int]:
    one, other = (tokens(chain, associated(USER, mint)) for mint in MINTS)
    return one, other


def test_one_pool_pays_to_the_atom(chain: LiteSVM) -> None:
    assert refusal(send(chain, route())) is None
    assert held(chain) == (HELD - AMOUNT, HELD + paid(CHEAP, AMOUNT))


def test_two_pools_share_the_amount_to_its_last_atom(chain: LiteSVM) -> None:
    amount = AMOUNT + 7
    shares = amount * 6_667 // 10_000, amount - amount * 6_667 // 10_000
    out = paid(CHEAP, shares[0]) + paid(DEAR, shares[1])
    hops = (POOLS[CHEAP], 6_667), (POOLS[DEAR], 3_333)

    assert refusal(send(chain, route(*hops, amount_in=amount, quoted_out=out))) is None
    assert held(chain) == (HELD - amount, HELD + out)


@pytest.mark.parametrize(
    ("more", "slippage_bps", "said"), [(1, 0, 6001), (0, 0, None), (100, 100, None)]
)
def test_less_than_the_least_is_refused_and_nothing_moves(
    chain: LiteSVM, more: int, slippage_bps: int, said: int | None
) -> None:
    wish = route(quoted_out=paid(CHEAP, AMOUNT) + more, slippage_bps=slippage_bps)

    assert refusal(send(chain, wish)) == said
    assert (held(chain) == (HELD, HELD)) == (said is not None)


def _with(at: int, form: str, value: int) -> Instruction:
    wish = route()
    data = bytearray(wish.data)
    pack_into(form, data, at, value)
    return Instruction(JUPITER, bytes(data), wish.accounts)


def _at(place: int, account: Pubkey, *, signs: bool = False) -> Instruction:
    wish = route()
    metas = list(wish.accounts)
    metas[place] = AccountMeta(account, is_signer=signs, is_writable=metas[place].is_writable)
    return Instruction(JUPITER, wish.data, metas)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Instruction(JUPITER, b"", route().accounts), 101),
        (_with(0, "<Q", 7), 101),
        (Instruction(JUPITER, route().data[:33], route().accounts), 102),
        (Instruction(JUPITER, route().data[:38], route().accounts), 102),
        (Instruction(JUPITER, route().data, route().accounts[:9]), 3005),
        (Instruction(JUPITER, route().data, route().accounts[:23]), 3005),
        (_at(0, MINTS[0]), 3010),
        (_at(7, USER), 6016),
        (_at(9, USER), 2012),
        (_at(10, USER), 3008),
        (_at(11, MINTS[0]), 6010),
        (_at(15, POOLS[CHEAP].vaults[0]), 6010),
        (_at(16, POOLS[CHEAP].vaults[1]), 6010),
        (_with(24, "<H", 10_001), 6004),
        (_with(26, "<H", 1), 6016),
        (_with(28, "<H", 1), 6016),
        (_with(30, "<I", 0), 6000),
        (_with(30, "<I", 3), 6016),
        (_with(34, "<B", 45), 6016),
        (_with(35, "<H", 9_999), 6005),
        (_with(37, "<B", 1), 6016),
        (_with(38, "<B", 0), 6016),
    ],
    ids=range(22),
)
def test_another_route_is_refused_by_number(chain: LiteSVM, wish: Instruction, said: int) -> None:
    assert refusal(send(chain, wish)) == said
    assert held(chain) == (HELD, HELD)


def test_a_pool_that_refuses_refuses_the_route(chain: LiteSVM) -> None:
    at = POOLS[CHEAP]
    put_pool(
        chain,
        at,
        CHEAP,
        replace(PoolState(decimals=(9, 6)), status=4),
        [(reserve, HELD) for reserve in RESERVES],
    )

    assert refusal(send(chain, route())) == 6000
    assert held(chain) == (HELD, HELD)
