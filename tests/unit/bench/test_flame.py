"""Samples of stacks keep their counts, whatever they are shown as."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from bench.flame import by_function, flame_graph, parse

RAW = """\
<module> (/home/me/main.py);run (/x/lib/site-packages/uvloop/__init__.py);a (b.py) 3
<module> (/home/me/main.py);a (b.py) 1
<module> (/home/me/main.py);a (b.py);a (b.py) 2
a line that is cut off
"""


def test_a_function_is_named_by_the_end_of_its_path() -> None:
    assert parse("f (/a/home/me/main.py) 1") == Counter({("f (home/me/main.py)",): 1})
    assert parse("f (/v/lib/site-packages/redis/asyncio/client.py) 1") == Counter(
        {("f (redis/asyncio/client.py)",): 1}
    )


def test_every_sample_is_counted_once() -> None:
    assert parse(RAW).total() == 6


def test_a_function_that_calls_itself_counts_once_a_sample() -> None:
    own, everything = by_function(parse(RAW))

    assert own["a (b.py)"] == 6
    assert everything["a (b.py)"] == 6
    assert everything["run (uvloop/__init__.py)"] == 3


def test_a_box_is_as_wide_as_its_share() -> None:
    svg = flame_graph("<service>", Counter({("a & b", "c"): 3, ("a & b",): 1}))

    root = ET.fromstring(svg)
    groups = root.findall("{http://www.w3.org/2000/svg}g")
    titles = [group.findtext("{http://www.w3.org/2000/svg}title") for group in groups]
    assert titles == ["a & b: 100.0 %", "c: 75.0 %"]


def test_nothing_can_be_drawn_too() -> None:
    assert ET.fromstring(flame_graph("service", Counter())) is not None
