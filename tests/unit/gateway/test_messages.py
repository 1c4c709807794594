"""What clients say over a socket is understood, and what they cannot mean is named."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.following.messages import Misunderstood, Subscribe, read_said, refusal
from services.gateway.http.problems import Problem
from tools.docs import ROOT

_PAGE = (ROOT / "docs" / "sockets.md").read_text()
[_BLOCK] = re.findall(r"```jsonl\n(.*?)```", _PAGE, re.DOTALL)
SAYABLE = _BLOCK.splitlines()
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["id", "subscribe", "unsubscribe", "since", "markers", "action", "order", "orderId", "follow"]
)


@pytest.mark.parametrize("message", SAYABLE)
def test_what_the_documents_tell_clients_to_say_is_understood(message: str) -> None:
    assert not isinstance(read_said(message), Misunderstood)


@pytest.mark.parametrize("message", SAYABLE)
def test_a_field_that_means_nothing_is_named(message: str) -> None:
    said = read_said(message[:-1] + ', "sinse": 1}')

    assert isinstance(said, Misunderstood)
    assert "sinse" in said.problem.detail


@pytest.mark.parametrize("message", SAYABLE)
def test_a_field_given_twice_is_refused_by_name_because_readers_disagree_which_counts(
    message: str,
) -> None:
    fields = msgspec.json.decode(message)
    for name, value in fields.items():
        again = f', "{name}": {msgspec.json.encode(value).decode()}}}'
        for twice in (message[:-1] + again, (message[:-1] + again).encode()):
            said = read_said(twice)

            assert isinstance(said, Misunderstood)
            assert said.problem.errors == [(name, "is given more than once")]
    escaped = read_said(message[:-1] + ', "\\u0069d": "x", "id": "y"}')
    assert isinstance(escaped, Misunderstood)


@pytest.mark.parametrize("text", ['"', '\\"', "\\\\", "\\u0022"])
def test_quotation_marks_inside_of_a_value_are_no_second_field(text: str) -> None:
    said = read_said(f'{{"subscribe": {msgspec.json.encode(text).decode()}, "id": "\\u0022\\""}}')

    assert said == Subscribe(subscribe=text, id='""')


@given(st.binary() | st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_said_has_an_answer(message: bytes | str) -> None:
    assert isinstance(read_said(message), Misunderstood)


@given(st.dictionaries(FIELDS, NESTED | st.sampled_from(["submit", "cancel", "ping"])))
def test_whatever_is_wrong_can_be_told(fields: dict[str, object]) -> None:
    said = read_said(msgspec.json.encode(fields))

    if isinstance(said, Misunderstood):
        told = msgspec.json.decode(refusal(said.id, said.problem))
        assert (told["error"]["code"], told["reply"]) == ("INVALID_MESSAGE", said.id)


def test_a_request_is_answered_under_its_id_even_if_it_is_not_understood() -> None:
    said = read_said('{"action": "dance", "id": "a"}')

    assert isinstance(said, Misunderstood)
    assert (said.id, type(said.problem)) == ("a", Problem)


def test_a_subscription_starts_at_the_beginning_unless_told_otherwise() -> None:
    assert read_said('{"subscribe": "x"}') == Subscribe(subscribe="x", since=0, markers=True)
