"""How scripted prices move: every time can be asked for by itself."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.venues.market.movements import Path, Sine, Walk

times = st.integers(0, 400 * 24 * 3_600_000)
FALL = ((10_000, Decimal(150)), (20_000, Decimal(140)))


def a_walk(seed: str = "tests") -> Walk:
    return Walk(seed=seed, start=Decimal(150), within=Decimal("0.03"), every_ms=1_000)


@pytest.mark.parametrize(
    ("t_ms", "usd"), [(0, 150), (10_000, 150), (12_500, "147.5"), (20_000, 140), (99_000, 140)]
)
def test_a_line_goes_evenly_from_point_to_point(t_ms: int, usd: str) -> None:
    assert Path(points=FALL).usd(t_ms) == Decimal(usd)


@pytest.mark.parametrize(("t_ms", "usd"), [(0, 150), (19_999, 150), (20_000, 140), (99_000, 140)])
def test_steps_stay_until_the_next_point(t_ms: int, usd: int) -> None:
    assert Path(points=FALL, stepwise=True).usd(t_ms) == usd


def test_what_repeats_begins_again_at_its_last_point() -> None:
    there_and_back = Path(
        points=((0, Decimal(1)), (10, Decimal(2)), (20, Decimal(1))), repeats=True
    )

    assert [there_and_back.usd(t) for t in (5, 25, 1_005)] == [Decimal("1.5")] * 3


@given(times)
def test_a_sine_is_what_mathematics_says(t_ms: int) -> None:
    sine = Sine(mean=Decimal(100), swing=Decimal("0.5"), period_ms=7_777)
    expected = 100 * (1 + 0.5 * math.sin(2 * math.pi * (t_ms % 7_777) / 7_777))

    assert float(sine.usd(t_ms)) == pytest.approx(expected, rel=1e-12)


def test_a_sine_begins_at_its_mean_and_rises() -> None:
    sine = Sine(mean=Decimal(150), swing=Decimal("0.03"), period_ms=20_000)

    assert sine.usd(0) == 150
    assert sine.usd(5_000) == pytest.approx(Decimal("154.5"))
    assert sine.usd(15_000) == pytest.approx(Decimal("145.5"))


@given(times)
def test_a_walk_stays_within_its_bounds(t_ms: int) -> None:
    assert Decimal("145.5") <= a_walk().usd(t_ms) <= Decimal("154.5")


@given(times)
def test_a_walk_does_not_jump(t_ms: int) -> None:
    walk = a_walk()

    # All four lines together rise or fall by twice their height in one step, at the very most.
    assert abs(walk.usd(t_ms + 1) - walk.usd(t_ms)) <= 2 * Decimal(150) * Decimal("0.03") / 1_000


def test_a_walk_goes_somewhere_and_the_same_seed_goes_there_too() -> None:
    seen = [a_walk().usd(t) for t in range(0, 3_600_000, 60_000)]

    assert seen[0] == 150
    assert len(set(seen)) == len(seen)
    assert seen == [a_walk().usd(t) for t in range(0, 3_600_000, 60_000)]
    assert seen[1:] != [a_walk("other").usd(t) for t in range(60_000, 3_600_000, 60_000)]
