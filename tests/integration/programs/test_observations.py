"""The pool's diary of prices: when it is written, and with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import unpack_from

from hypothesis import example, given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from devchain.cpmm.addresses import pool_addresses
from devchain.cpmm.layouts import Config, PoolState
from devchain.cpmm.swap import swap_instruction
from tests.support.cpmm import USER, data_of, new_chain, put_pool, refusal, send, set_time, tokens

_AT = pool_addresses(0, Pubkey(bytes([1] * 32)), Pubkey(bytes([2] * 32)))
_CONFIG = Config(index=0, trade_fee_rate=2_500, protocol_fee_rate=0, fund_fee_rate=0)
_CHAIN = new_chain()
_START = 1_700_000_000


@dataclass
class Diary:
    """A hundred entries of time and two sums, written in turn, as the real program writes them."""

    begun: bool = False
    index: int = 0
    entries: list[tuple[int, int, int]] = field(default_factory=lambda: [(0, 0, 0)] * 100)

    def write(self, now: int, reserve_0: int, reserve_1: int) -> None:
        then, sum_0, sum_1 = self.entries[self.index]
        if not self.begun:
            self.begun, self.entries[0] = True, (now, 0, 0)
        elif now - then >= 15:
            self.index = (self.index + 1) % 100
            sum_0 += (reserve_1 << 32) // reserve_0 * (now - then)
            sum_1 += (reserve_0 << 32) // reserve_1 * (now - then)
            self.entries[self.index] = (now, sum_0, sum_1)


def read_diary() -> Diary:
    data = data_of(_CHAIN, _AT.observation)
    entries = []
    for at in range(43, 43 + 4_000, 40):
        time, low_0, high_0, low_1, high_1 = unpack_from("<5Q", data, at)
        entries.append((time, high_0 << 64 | low_0, high_1 << 64 | low_1))
    return Diary(bool(data[8]), int.from_bytes(data[9:11], "little"), entries)


# Beyond the end of the list; and a price that takes more than 64 bits, as its sum does.
@example((2**30, 2**31), [15] * 101)
@example((3, 2**60), [0, 2**34, 2**34])
@given(
    st.tuples(st.integers(2**10, 2**60), st.integers(2**10, 2**60)),
    st.lists(st.sampled_from([0, 1, 14, 15, 16, 29, 30, 10**6]), max_size=20),
)
@settings(max_examples=60)
def test_prices_before_a_swap_are_summed_every_fifteen_seconds(
    reserves: tuple[int, int], pauses: list[int]
) -> None:
    put_pool(_CHAIN, _AT, _CONFIG, PoolState(decimals=(9, 6)), ((r, 2**62) for r in reserves))
    diary, now = Diary(), _START
    for number, pause in enumerate([0, *pauses]):
        now += pause
        set_time(_CHAIN, now)
        before = [tokens(_CHAIN, vault) for vault in _AT.vaults]
        side = number % 2
        asked = swap_instruction(_AT, USER, side, before[side] // 2 + 1, 0)

        assert refusal(send(_CHAIN, asked)) is None
        diary.write(now, *before)
    assert read_diary() == diary
