"""Fees are lamports, rounded as the chain rounds them."""

from __future__ import annotations

import pytest

from shared.solana.fees import NetworkFee, cu_limit, cu_price, network_fee


@pytest.mark.parametrize(
    ("signatures", "limit", "price", "fee"),
    [
        (1, 0, 0, NetworkFee(5_000, 0)),
        (2, 200_000, 10_000, NetworkFee(10_000, 2_000)),
        (1, 1, 1, NetworkFee(5_000, 1)),
        (1, 1_000_001, 1, NetworkFee(5_000, 2)),
    ],
)
def test_the_fee_is_for_signatures_and_for_units_rounded_up(
    signatures: int, limit: int, price: int, fee: NetworkFee
) -> None:
    assert network_fee(signatures, limit, price) == fee
    assert fee.total == fee.base + fee.priority


@pytest.mark.parametrize(
    ("recent", "percentile", "price"),
    [
        ([], 50, 10),
        ([0, 0, 0], 75, 10),
        ([40, 20, 30], 50, 30),
        ([40, 20, 30], 100, 40),
        ([40, 20, 30], 1, 20),
        ([40, 20, 30, 10_000], 75, 40),
        ([10_000], 50, 1_000),
    ],
)
def test_the_price_is_a_percentile_of_recent_ones_within_bounds(
    recent: list[int], percentile: int, price: int
) -> None:
    assert cu_price(recent, percentile, least=10, most=1_000) == price


@pytest.mark.parametrize("percentile", [0, 101])
def test_a_percentile_that_is_none_is_refused(percentile: int) -> None:
    with pytest.raises(ValueError, match="percentile"):
        cu_price([1], percentile, least=1, most=1)


def test_the_limit_is_a_simulation_with_room_to_spare_up_to_the_most() -> None:
    limits = [cu_limit(units) for units in (0, 1, 100_000, 1_300_000)]

    assert limits == [20_000, 20_002, 135_000, 1_400_000]
