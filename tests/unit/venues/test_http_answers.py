"""The meaning of answers that are no 200, to the engine and in a line of its log."""

from __future__ import annotations

import pytest

from shared.hiding import hidden, line, secrets_of
from shared.venues.http.answers import Refused, Throttled, news_of, rest_of
from shared.venues.protocol import VenueRejected, VenueUnavailable

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (404, Refused),
        (422, Refused),
        (302, VenueUnavailable),
        (401, VenueUnavailable),
        (403, VenueUnavailable),
        (408, VenueUnavailable),
        (429, Throttled),
        (500, VenueUnavailable),
        (204, VenueUnavailable),
    ],
)
def test_a_status_is_a_final_no_or_none_at_all(status: int, kind: type[Exception]) -> None:
    assert type(news_of(status, {}, b"", NOW)) is kind


def test_a_final_no_has_the_venues_words_and_its_answer() -> None:
    body = b'{"error":"no\\u0000 route\\n","errorCode":"NO_ROUTES","x":{}}'
    news = news_of(400, {}, body, NOW)

    assert isinstance(news, VenueRejected)
    assert str(news) == "answers 400: no route NO_ROUTES"
    assert isinstance(news, Refused)
    assert (news.status, news.body) == (400, body)


@pytest.mark.parametrize(
    ("headers", "rest_s"),
    [
        ({}, 1),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "9" * 400}, 60),
        ({"Retry-After": "soon"}, 1),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"Retry-After": "Fri, 15 Jan 2021 08:00:30 GMT"}, 0),
        ({"x-ratelimit-reset": "1800000012"}, 12),
        ({"x-ratelimit-reset": "1700000000"}, 0),
    ],
)
def test_a_venue_is_left_alone_as_long_as_it_says_within_a_bound(
    headers: dict[str, str], rest_s: float
) -> None:
    assert rest_of(headers, NOW) == rest_s


def test_a_strangers_words_become_one_short_plain_line() -> None:
    assert line("a\r\nb\x1b[31m \u202e c" + "d" * 999) == ("a b [31m c" + "d" * 999)[:200]


def test_a_key_that_a_venue_repeats_is_not_repeated() -> None:
    secrets = [
        *secrets_of("https://me:pa55word@api.example/k/SECRET-123/v1?key=ABCDEF99"),
        "sk-9999",
    ]
    said = "sk-9999 is no key; GET /k/SECRET-123/v1?key=ABCDEF99 of me:pa55word"
    news = news_of(401, {}, b'{"message": "%s"}' % said.encode(), NOW, secrets)

    for secret in ("sk-9999", "SECRET-123", "ABCDEF99", "pa55word"):
        assert secret not in str(news)
    assert hidden("GET /k/v1", secrets) == "GET /k/v1"  # What is a word is no secret.


@pytest.mark.parametrize(
    "said", ["Fri, 01 Jan 99999999999 00:00:00 GMT", "Fri, 01 Jan 2027 00:00:00 +99999999999999"]
)
def test_a_date_beyond_all_clocks_is_none(said: str) -> None:
    assert rest_of({"Retry-After": said}, NOW) == 1.0
