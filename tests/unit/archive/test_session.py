"""What is made of a connection string, and of a server that cannot be used."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from shared.archive.sessions.session import _refusal, conninfo


def test_a_server_that_is_too_old_is_refused_with_the_version_that_is_needed() -> None:
    assert _refusal(15, "UTF8", "slipstream") == ""
    assert "15 or newer" in _refusal(14, "UTF8", "slipstream")


@pytest.mark.parametrize(
    ("options", "schema", "left"),
    [
        ("", "public", ""),
        ("-csearch_path=slip", "slip", ""),
        ("-c geqo=off -c search_path=slip -c jit=off", "slip", "-c geqo=off  -c jit=off"),
        ("--search-path=slip", "slip", ""),
    ],
)
def test_a_schema_is_taken_out_of_the_options_which_a_pooler_would_refuse(
    options: str, schema: str, left: str
) -> None:
    text, found = conninfo(f"host=there options='{options}'")

    assert (found, conninfo_to_dict(text)["options"]) == (schema, left)
