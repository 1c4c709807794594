"""The simulation's dice."""

from __future__ import annotations

from statistics import mean

import pytest

from shared.venues.chance import Chance


def test_a_seeded_draw_depends_on_seed_venue_and_question_alone() -> None:
    draw = Chance("seed", "raydium").of("quote", "SOL")

    assert draw == Chance("seed", "raydium").of("quote", "SOL")
    assert draw != Chance("other", "raydium").of("quote", "SOL")
    assert draw != Chance("seed", "meteora").of("quote", "SOL")
    assert draw != Chance("seed", "raydium").of("quote", "RAY")


def test_without_a_seed_every_draw_is_new() -> None:
    chance = Chance("", "raydium")

    assert len({chance.of("quote") for _ in range(10)}) > 1


@pytest.mark.parametrize("seed", ["seed", ""])
def test_draws_spread_evenly_from_nought_up_to_one(seed: str) -> None:
    chance = Chance(seed, "raydium")
    draws = [chance.of("quote", str(i)) for i in range(4_000)]

    assert all(0 <= draw < 1 for draw in draws)
    assert 0.47 < mean(draws) < 0.53  # Six standard deviations either way.
    assert min(draws) < 0.01
    assert max(draws) > 0.99
