"""How much of everything a run measures."""

from __future__ import annotations

from typing import NamedTuple


class Sizes(NamedTuple):
    """Numbers of turns, orders and seconds.

    `history` says at how many orders in the tables the cost of one is looked at again.
    """

    pairs: int
    orders: int
    rates: tuple[int, ...]
    latency_s: int
    windows: int
    window_s: int
    sockets: tuple[int, ...]
    history: tuple[int, ...]
    killed: int


USUAL = Sizes(
    pairs=5,
    orders=20_000,
    rates=(200, 500),
    latency_s=6,
    windows=5,
    window_s=60,
    sockets=(1_000,),
    history=(10_000, 100_000),
    killed=1_000,
)
FULL = USUAL._replace(
    rates=(50, 200, 500, 1_000),
    latency_s=20,
    sockets=(1_000, 5_000),
    history=(10_000, 100_000, 1_000_000),
)
QUICK = Sizes(
    pairs=1,
    orders=3_000,
    rates=(200,),
    latency_s=3,
    windows=1,
    window_s=10,
    sockets=(200,),
    history=(3_000, 6_000),
    killed=200,
)
