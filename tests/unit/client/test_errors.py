"""Answers with bad news become the error that a program can act on."""

from __future__ import annotations

import json

import pytest

from services.gateway.http.problems import Code, Problem
from slipstream import AcceptanceUnknown, Refused, Unavailable, Unexpected
from slipstream.errors import refusal


@pytest.mark.parametrize("code", Code)
def test_every_code_of_the_gateway_arrives_as_it_was_sent(code: Code) -> None:
    error = refusal(code.status, Problem(code, "why", order_id="an-order").document())

    assert isinstance(error, Refused)
    assert (error.code, error.status, error.order_id) == (code.name, code.status, "an-order")
    assert str(error) == f"{code.title}; why"


def test_an_order_of_unknown_fate_is_a_kind_of_its_own() -> None:
    error = refusal(504, Problem(Code.ACCEPTANCE_UNKNOWN, order_id="an-order").document())

    assert isinstance(error, AcceptanceUnknown)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_balancer_without_gateways_is_worth_another_try(status: int) -> None:
    assert isinstance(refusal(status, b"<html>"), Unavailable)


def test_what_is_not_slipstream_is_told_as_such() -> None:
    assert isinstance(refusal(418, b"\xff<html>"), Unexpected)
    assert isinstance(refusal(418, json.dumps({"error": "teapot"})), Unexpected)


def test_the_time_to_wait_is_read_from_the_answer() -> None:
    document = Problem(Code.OVERLOADED).document()
    errors = [refusal(503, document, {"retry-after": text}) for text in ("7", "later")]

    assert [error.retry_after_s for error in errors if isinstance(error, Refused)] == [7, None]
