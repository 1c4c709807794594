"""Who is let in: keys, roles, the file of keys, origins, and what a start without keys needs."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.datastructures import Headers
from typer.testing import CliRunner

from cli.console import Trouble
from cli.main import app
from cli.readiness import check_settings
from services.gateway.access.api_keys import (
    BadKeys,
    keep_current,
    line_for,
    new_key,
    parse_keys,
    read_keys,
)
from services.gateway.access.callers import PUBLIC, Access, Caller, Role, digest_of_key
from services.gateway.access.pages import check_origin
from services.gateway.http.problems import Code, Problem
from shared.settings import GatewaySettings, InvalidSettings
from tests.support.eventually import eventually

DESK = Caller("desk-7", Role.TRADE)
SERVERS = {"REDIS_URL": "redis://r", "DATABASE_URL": "postgresql://d"}


def access() -> Access:
    return Access({digest_of_key("the-key"): DESK})


def refused(headers: dict[str, str] | list[tuple[bytes, bytes]]) -> Code:
    raw = Headers(headers) if isinstance(headers, dict) else Headers(raw=headers)
    with pytest.raises(Problem) as raised:
        access().caller(raw)
    return raised.value.code


def test_a_key_is_taken_from_either_header() -> None:
    assert access().caller(Headers({"authorization": "Bearer the-key"})) == DESK
    assert access().caller(Headers({"authorization": "bearer  the-key"})) == DESK
    assert access().caller(Headers({"x-api-key": "the-key"})) == DESK


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer another-key"},
        {"authorization": "Bearer "},
        {"authorization": "Basic the-key"},
        {"authorization": "the-key"},
        {"x-api-key": ""},
        {"x-api-key": "th\u00e9-key"},
        {"authorization": "Bearer the-key", "x-api-key": "the-key"},
        [(b"x-api-key", b"the-key"), (b"x-api-key", b"the-key")],
        {"x-api-key": digest_of_key("the-key")},
    ],
)
def test_whoever_shows_no_known_key_is_nobody(headers: Any) -> None:
    assert refused(headers) is Code.UNAUTHENTICATED


def test_a_revoked_key_may_do_and_see_nothing_whoever_still_holds_its_caller() -> None:
    held = Caller("desk-7", Role.ADMIN)
    doors = Access({digest_of_key("the-key"): held})
    doors.change({digest_of_key("another"): Caller("desk-7", Role.ADMIN)})

    with pytest.raises(Problem, match="revoked"):
        held.require(Role.READ)
    assert not held.may_see("desk-7")


def test_without_keys_everybody_is_the_same_caller_and_may_do_everything() -> None:
    caller = Access(None).caller(Headers({"authorization": "Bearer whatever"}))

    caller.require(Role.ADMIN)
    assert caller == PUBLIC


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.READ, {Role.READ}),
        (Role.TRADE, {Role.READ, Role.TRADE}),
        (Role.ADMIN, {Role.READ, Role.TRADE, Role.ADMIN}),
    ],
)
def test_a_role_may_do_what_the_ones_below_it_may(role: Role, allowed: set[Role]) -> None:
    assert {needed for needed in Role if may(Caller("desk-7", role), needed)} == allowed


def may(caller: Caller, needed: Role) -> bool:
    try:
        caller.require(needed)
    except Problem as problem:
        return problem.code is not Code.FORBIDDEN
    return True


def test_orders_are_seen_by_their_account_and_by_an_admin() -> None:
    assert DESK.may_see("desk-7")
    assert not DESK.may_see("desk-8")
    assert Caller("ops", Role.ADMIN).may_see("desk-7")


def test_a_file_of_keys_says_who_has_which() -> None:
    mine, ours = new_key(), new_key()
    text = "\n".join(
        ["# ours", line_for(mine, "desk-7", "trade", "bot"), "", line_for(ours, "ops", "admin", "")]
    )

    assert parse_keys(text) == {
        digest_of_key(mine): DESK,
        digest_of_key(ours): Caller("ops", Role.ADMIN),
    }
    assert mine not in text


def line(**fields: Any) -> str:
    known = {"hash": "0" * 64, "account": "desk-7", "role": "trade", "name": ""}
    return json.dumps(known | fields)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no key"),
        ("# only words\n", "it has no key"),
        (line() + "\n" + line()[:30], "line 2"),
        (line() + "\n" + line(account="other"), "line 2: the same key is there twice"),
        (line(hash="the key itself"), "hash"),
        (line(account="a b"), "account"),
        (line(role="boss"), "role"),
        (line(rolle="trade"), "rolle"),
        ('{"account": "desk-7", "role": "trade"}', "hash"),
    ],
)
def test_a_broken_file_of_keys_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadKeys, match=why):
        parse_keys(text)


def test_what_a_broken_file_holds_is_not_in_the_message() -> None:
    with pytest.raises(BadKeys) as raised:
        parse_keys(line(hash="slip_a-key-by-mistake"))

    assert "mistake" not in str(raised.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "keys"
    if content:
        path.write_bytes(content)

    with pytest.raises(BadKeys):
        read_keys(path)


async def test_a_changed_file_is_taken_up_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.access.api_keys.POLL_S", 0.01)
    path, old, new = tmp_path / "keys", new_key(), new_key()
    path.write_text(line_for(old, "desk-7", "trade", ""))
    current = Access(read_keys(path))
    watching = asyncio.create_task(keep_current(current, path))

    replace(path, "{broken")
    await eventually(broken)
    assert current.caller(Headers({"x-api-key": old})) == DESK

    replace(path, line_for(new, "ops", "admin", ""))
    await eventually(lambda: not broken())
    assert current.caller(Headers({"x-api-key": new})) == Caller("ops", Role.ADMIN)
    with pytest.raises(Problem):
        current.caller(Headers({"x-api-key": old}))
    watching.cancel()


def replace(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def broken() -> bool:
    return REGISTRY.get_sample_value("slipstream_api_keys_file_broken") == 1


def test_the_command_prints_a_key_and_a_line_that_lets_it_in() -> None:
    made = CliRunner().invoke(app, ["keys", "new", "--account", "desk-7", "--name", "bot"])

    key = made.stderr.split()[-1]
    assert Access(parse_keys(made.stdout)).caller(Headers({"x-api-key": key})) == DESK
    assert key not in made.stdout
    assert len(key) > 40


def test_the_command_refuses_what_cannot_be_an_account() -> None:
    made = CliRunner().invoke(app, ["keys", "new", "--account", "a b"])

    assert (made.exit_code, made.stdout) == (2, "")


@pytest.mark.parametrize(
    ("origin", "allowed", "fine"),
    [
        (None, set(), True),
        ("https://slip.example", set(), True),
        ("https://evil.example", set(), False),
        ("https://slip.example.evil.example", set(), False),
        ("null", set(), False),
        ("https://app.example", {"https://app.example"}, True),
        ("http://app.example", {"https://app.example"}, False),
        ("https://evil.example", {"*"}, True),
    ],
)
def test_only_pages_that_are_allowed_may_come_in(
    origin: str | None, allowed: set[str], fine: bool
) -> None:
    headers = {"host": "slip.example"} | ({"origin": origin} if origin else {})
    expected = nullcontext() if fine else pytest.raises(Problem, match="ALLOWED_ORIGINS")

    with expected:
        check_origin(Headers(headers), frozenset(allowed))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_a_loopback_address_no_keys_are_needed(host: str) -> None:
    assert GatewaySettings.from_env(SERVERS | {"HTTP_HOST": host}).http_host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "slip.example"])
def test_an_address_others_can_reach_needs_keys_or_a_word(host: str) -> None:
    with pytest.raises(InvalidSettings, match=r"API_KEYS_FILE.*OPEN_ACCESS=true"):
        GatewaySettings.from_env(SERVERS | {"HTTP_HOST": host})

    for given in ({"API_KEYS_FILE": "keys"}, {"OPEN_ACCESS": "true"}):
        assert GatewaySettings.from_env(SERVERS | {"HTTP_HOST": host} | given).http_host == host


def test_a_stack_that_others_can_reach_is_refused_before_anything_starts() -> None:
    for_all = {**SERVERS, "HTTP_HOST": "0.0.0.0"}
    with pytest.raises(Trouble, match="API_KEYS_FILE"):
        check_settings(for_all)

    assert check_settings({**for_all, "OPEN_ACCESS": "true"}).open_access


def test_keys_and_open_access_contradict_each_other() -> None:
    with pytest.raises(InvalidSettings, match="contradict"):
        GatewaySettings.from_env(SERVERS | {"API_KEYS_FILE": "keys", "OPEN_ACCESS": "true"})


@pytest.mark.parametrize("rate", ["100", "100/fortnight", "0/second", "-1/minute", "many"])
def test_a_rate_limit_that_means_nothing_is_refused(rate: str) -> None:
    with pytest.raises(InvalidSettings, match="RATE_LIMIT_ACCOUNT"):
        GatewaySettings.from_env(SERVERS | {"RATE_LIMIT_ACCOUNT": rate})
