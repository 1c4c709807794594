"""`.env.example`: every setting with its meaning, default and readers."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from shared.settings import (
    ConsumerSettings,
    ExecutorSettings,
    GatewaySettings,
    ProjectorSettings,
    Settings,
    VenueSettings,
)

READERS: dict[str, type[Settings]] = {
    "gateway": GatewaySettings,
    "router": VenueSettings,
    "executor": ExecutorSettings,
    "notifier": ConsumerSettings,
    "projector": ProjectorSettings,
}

_EXAMPLES = {
    "REDIS_URL": "redis://localhost:6379/0",
    "DATABASE_URL": "postgresql://localhost/slipstream",
}

_HEAD = """\
# Every setting of Slipstream, from shared/settings.py. Written by `make docs`: do not edit.
#
# The services read the process environment; they do not read this file. To use it:
#   cp .env.example .env; set -a; . ./.env; set +a
# `slipstream up` sets REDIS_URL, DATABASE_URL and every port by itself, and passes on the rest.
# A line that is commented out shows the default. An empty value means the default, too.
"""


def env_example() -> str:
    """Return the file's text."""
    return "\n".join([_HEAD, *_entries()])


def _entries() -> Iterator[str]:
    names = dict.fromkeys(name for kind in READERS.values() for name in kind.model_fields)
    for name in names:
        readers = [reader for reader, kind in READERS.items() if name in kind.model_fields]
        yield _entry(name.upper(), readers, [READERS[r].model_fields[name] for r in readers])


def _entry(name: str, readers: list[str], fields: list[FieldInfo]) -> str:
    meanings = dict.fromkeys(field.description for field in fields)
    who = "every service" if len(readers) == len(READERS) else ", ".join(readers)
    [field, *_] = fields
    if field.is_required():
        value, line = _EXAMPLES[name], f"{name}={_EXAMPLES[name]}"
        who += "; required"
    else:
        value = "" if field.default_factory else field.default
        line = f"#{name}={value}"
    return "\n".join([*(f"# {meaning}." for meaning in meanings), f"# Read by {who}.", line, ""])
