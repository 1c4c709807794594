"""What is sent again makes sense by itself."""

from __future__ import annotations

from random import Random

from shared.streams.redis.connections import packed
from tests.chaos.traffic import Sent, Traffic, is_whole

COMMANDS: list[tuple[str | bytes | int, ...]] = [
    ("EVALSHA", "abc", 1, "key", b"\r\n"),
    ("GET", "key"),
]
PIPELINE = packed(COMMANDS)


def sent(data: bytes) -> Sent:
    one = Sent()
    one.add(data)
    return one


def test_a_pipeline_is_whole() -> None:
    assert is_whole(PIPELINE)


def test_a_part_of_a_pipeline_is_whole_only_from_command_to_command() -> None:
    between = len(packed(COMMANDS[:1]))
    places = range(1, len(PIPELINE))

    assert [place for place in places if is_whole(PIPELINE[:place])] == [between]
    assert [place for place in places if is_whole(PIPELINE[place:])] == [between]


def test_what_writes_is_sent_again_above_all() -> None:
    traffic = Traffic(b"EVAL")
    for number in range(1_000):
        traffic.keep(sent(b"PING %d" % number))
    traffic.keep(sent(PIPELINE))
    dice = Random(1)
    picked = [one for _ in range(100) for one in traffic.some(dice, most=1)]

    assert picked.count(PIPELINE) > 50
    assert set(picked) != {PIPELINE}
