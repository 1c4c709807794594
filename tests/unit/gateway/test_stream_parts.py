"""What came together is told in few messages, none too large, and nothing is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.streaming.news import parts
from shared.streams.log.tail import Entry

SIZES = st.lists(st.integers(1, 40_000), max_size=12)


@given(st.dictionaries(st.integers(0, 5), SIZES))
def test_every_entry_is_in_one_part_and_in_order(sizes: dict[int, list[int]]) -> None:
    found = {
        partition: [Entry((place, 0), [b"x" * size]) for place, size in enumerate(some)]
        for partition, some in sizes.items()
    }
    told: dict[int, list[Entry]] = {partition: [] for partition in found}
    for runs in parts(found):
        for run in runs:
            told[run.partition] += run.entries
        assert sum(len(entry.fields[0]) for run in runs for entry in run.entries) < 65_536 + 40_000

    assert told == found


def test_what_is_little_is_one_part() -> None:
    found = {partition: [Entry((1, 0), [b"x"])] for partition in range(16)}

    assert len([*parts(found)]) == 1
