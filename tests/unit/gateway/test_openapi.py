"""What the OpenAPI document says to those who make clients from it."""

from __future__ import annotations

import re

from tools.openapi import document

_VERBS = "submit|get|list|cancel|create|follow"


def test_each_operation_has_a_name_of_its_own_that_begins_with_a_verb() -> None:
    names = [one["operationId"] for path in document()["paths"].values() for one in path.values()]

    assert len(names) == len(set(names)) > 10
    assert [name for name in names if not re.fullmatch(rf"({_VERBS})([A-Z][a-z]+)+", name)] == []


def test_each_operation_says_which_keys_it_wants() -> None:
    wanted = [one["security"] for path in document()["paths"].values() for one in path.values()]

    assert {len(keys) for keys in wanted} == {0, 3}


def test_no_field_has_a_default_that_generators_would_ask_for() -> None:
    shapes = document()["components"]["schemas"]
    fields = [f for shape in shapes.values() for f in shape.get("properties", {}).values()]

    assert len(fields) > 100
    assert [field for field in fields if "default" in field] == []
    assert (
        "100 when it is left out"
        in shapes["OrderRequest"]["properties"]["maxSlippageBps"]["description"]
    )
