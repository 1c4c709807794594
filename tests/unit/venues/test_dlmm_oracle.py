"""Quotes of Meteora's pools, against those of a package that nobody here wrote: `meteora-dlmm`."""

from __future__ import annotations

import base64
import json
import struct
from fractions import Fraction
from importlib import resources
from random import Random
from typing import Any

import meteora_dlmm
from solders.pubkey import Pubkey

from shared.solana.sysvars import ChainClock
from shared.venues.meteora.accounts import read_array, read_pair
from shared.venues.meteora.bins import NoSwap
from shared.venues.meteora.walk import Standing, swap
from tests.support.meteora import Recorded, array_bytes, ours, pair_bytes, recorded_swaps

POOL = Pubkey(bytes([7] * 32))
NOW = 1_763_000_000
RANDOM_POOLS, SWAPS = 150, 12
AMPLE = (2**63, 2**63)


def theirs(pair: bytes, arrays: list[bytes], amount: int, side: int, now: int) -> int | None:
    """Return their amount out, or None where they have no whole answer."""
    pool = meteora_dlmm.PoolState.from_accounts(pair, arrays, 9, 6)
    has_orders = pair[35] != 1
    try:
        quote = meteora_dlmm.quote(
            pool, amount, side == 0, timestamp=now, support_limit_order=has_orders
        )
    except meteora_dlmm.InsufficientBinArrays:
        return None
    return int(quote.amount_out) or None


def here(at: Standing, amount: int, side: int, now: int) -> int | None:
    try:
        return swap(at, side, amount, ChainClock(slot=450_000_000, unix_time=now)).amount_out
    except NoSwap as error:
        if error.code not in (6036, 6039):
            raise
        return None


def captured() -> tuple[dict[str, Any], bytes, dict[int, bytes]]:
    """Return the pool that their package ships, its account, and its bin arrays by number."""
    with resources.files("meteora_dlmm").joinpath("_reference.json").open() as file:
        told = json.load(file)
    datas = [base64.b64decode(array["data"]) for array in told["binArraysB64"]]
    arrays = {struct.unpack_from("<q", data, 8)[0]: data for data in datas}
    return told, base64.b64decode(told["lbPairB64"]), arrays


def test_their_captured_pool_is_quoted_as_the_sdk_quotes_it() -> None:
    """All but one: for that the pool is too shallow, and the SDK filled a part."""
    told, pair, arrays = captured()
    key, now = Pubkey.from_string(told["pool"]), int(told["clockTs"])
    at = Standing(
        address=key,
        pair=read_pair(key, ours(pair)),
        reserves=AMPLE,
        arrays={index: read_array(key, index, ours(data)) for index, data in arrays.items()},
    )
    quotes = [here(at, int(one["inAmount"]), 0, now) for one in told["results"]]

    assert quotes[:-1] == [int(one["outAmount"]) for one in told["results"][:-1]]
    assert quotes[-1] is None


def test_their_captured_pool_is_quoted_as_they_quote_it_both_ways() -> None:
    told, pair, arrays = captured()
    key, random = Pubkey.from_string(told["pool"]), Random(5)
    at = Standing(
        address=key,
        pair=read_pair(key, ours(pair)),
        reserves=AMPLE,
        arrays={index: read_array(key, index, ours(data)) for index, data in arrays.items()},
    )
    differing = []
    for side, most in ((0, 40), (1, 33)):
        for _ in range(40):
            amount = int(2 ** random.uniform(8, most))
            now = int(told["clockTs"]) + random.choice([0, 9, 10, 119, 120, 5_000])
            quotes = (
                here(at, amount, side, now),
                theirs(pair, [*arrays.values()], amount, side, now),
            )
            if quotes[0] != quotes[1]:
                differing.append((side, amount, quotes))

    assert not differing


def a_pool(random: Random) -> tuple[bytes, dict[int, bytes]]:
    """Return a made-up pool: several arrays with holes, limit orders, any fee terms."""
    step, active = random.choice([1, 5, 10, 25, 100, 250, 400]), random.randint(-100, 100)
    first = active // 70 - random.randint(0, 1)
    indices = range(first, first + random.randint(2, 3))
    arrays = {}
    for index in indices:
        bins = {}
        for bin_id in range(index * 70, index * 70 + 70):
            if random.random() < 0.7:
                bins[bin_id] = _row(random, bin_id - active)
        arrays[index] = _priced(array_bytes(index, bins), index, step)
    pair = pair_bytes(
        POOL,
        indices,
        active_id=active,
        bin_step=step,
        base_factor=random.choice([0, 100, 5_000, 10_000, 65_535]),
        base_fee_power_factor=random.choice([0, 0, 0, 1]),
        variable_fee_control=random.choice([0, 7_500, 40_000, 2_000_000, 2**32 - 1]),
        max_volatility_accumulator=random.choice([0, 15_000, 350_000]),
        reduction_factor=random.choice([0, 5_000, 10_000]),
        protocol_share=random.choice([0, 500, 2_500]),
        function_type=random.randint(0, 2),
        collect_fee_mode=random.randint(0, 1),
        volatility_accumulator=random.randint(0, 350_000),
        volatility_reference=random.randint(0, 200_000),
        index_reference=active + random.randint(-15, 15),
        last_update_timestamp=NOW - random.choice([0, 1, 29, 30, 31, 599, 600, 10**6]),
    )
    return pair, arrays


def _row(random: Random, place: int) -> tuple[int, ...]:
    size = int(2 ** random.uniform(0, 40))
    x, y = (size if place >= 0 else 0), (size if place <= 0 else 0)
    if random.random() < 0.7:
        return x, y
    opened, begun = (int(2 ** random.uniform(0, 36)) for _ in range(2))
    return x, y, 0, 0, opened, begun, begun // 2, 1, int(place > 0)


def _priced(data: bytes, index: int, step: int) -> bytes:
    """Return the array with its prices in it, as a pool stores them: they read no others."""
    base, priced = Fraction(10_000 + step, 10_000), bytearray(data)
    for number in range(70):
        # Any price will do, as long as both read the same one.
        price = int(base ** (index * 70 + number) * 2**64)
        priced[56 + 144 * number + 16 : 56 + 144 * number + 32] = price.to_bytes(16, "little")
    return bytes(priced)


def test_random_pools_are_quoted_as_they_quote_them_both_ways() -> None:
    random, differing, answered = Random(11), [], 0
    for number in range(RANDOM_POOLS):
        pair, arrays = a_pool(random)
        at = Standing(
            address=POOL,
            pair=read_pair(POOL, ours(pair)),
            reserves=AMPLE,
            arrays={index: read_array(POOL, index, ours(data)) for index, data in arrays.items()},
        )
        for _ in range(SWAPS):
            amount, side = int(2 ** random.uniform(0, 44)), random.randint(0, 1)
            quotes = (
                here(at, amount, side, NOW),
                theirs(pair, [*arrays.values()], amount, side, NOW),
            )
            answered += quotes[0] is not None
            if quotes[0] != quotes[1]:
                differing.append((number, side, amount, quotes))

    assert not differing
    assert answered > RANDOM_POOLS * SWAPS / 2


def test_recorded_pools_are_quoted_as_they_quote_them() -> None:
    differing, answered = [], 0
    for case, pool in recorded_swaps():
        if case.get("meteora_dlmm_0_5_0") is None:
            continue
        side, now = 0 if case["x_to_y"] else 1, case["clock"]
        at = pool.standing(case["bin_arrays"])
        quotes = here(at, case["amount_in"], side, now), _theirs_of(pool, case)
        answered += 1
        if quotes[0] != quotes[1]:
            differing.append((case["id"], quotes))

    assert not differing
    assert answered == 555


def _theirs_of(pool: Recorded, case: Any) -> int | None:
    pair = bytes(pool.accounts[str(pool.pool)])
    side = 0 if case["x_to_y"] else 1
    return theirs(pair, pool.bins(), case["amount_in"], side, case["clock"])
