"""`slipstream market`, on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.market import begin
from shared.settings import VenueSettings
from tests.support.servers import NOBODY

FALL = "SOL=line 150@0s 100@10s"
Run = Callable[..., Result]


@pytest.fixture
def run(redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("NAMESPACE", namespace)
    return lambda *words: CliRunner().invoke(app, ["market", *words])


@pytest.fixture
def begun(run: Run, redis_url: str, namespace: str) -> Run:
    """Return how to run commands on a market that has begun."""
    settings = VenueSettings(
        redis_url=redis_url, database_url=NOBODY, namespace=namespace, venue_market=FALL
    )
    asyncio.run(begin(settings))
    return run


def words_of(result: Result) -> list[str]:
    return result.stdout.split()


def test_a_market_is_held_at_a_moment_shown_and_let_go(begun: Run) -> None:
    held = begun("hold", "--at", "5s")
    shown, later = begun("show"), begun("go")

    assert held.stdout.startswith("5.0 s into the script, held")
    assert words_of(held)[-2:] == ["SOL", "125"]
    assert shown.stdout == held.stdout
    assert "going on" in later.stdout


def test_another_script_is_played(begun: Run) -> None:
    played = begun("play", "SOL=step 90@0s 80@5s", "--at", "6s", "--hold")

    assert words_of(played)[-2:] == ["SOL", "80"]


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("play", "DOGE=line 1@0s"), 1, "names no token in 'DOGE'"),
        (("hold", "--at", "soon"), 2, "'soon'"),
    ],
)
def test_what_is_wrong_is_named(
    begun: Run, words: tuple[str, ...], code: int, complaint: str
) -> None:
    refused = begun(*words)

    assert refused.exit_code == code
    assert complaint in refused.stderr


@pytest.mark.parametrize("words", [("show",), ("hold",), ("play", FALL)])
def test_without_a_market_there_is_nothing_to_move(run: Run, words: tuple[str, ...]) -> None:
    refused = run(*words)

    assert refused.exit_code == 1
    assert "VENUE_MARKET: is empty" in refused.stderr
