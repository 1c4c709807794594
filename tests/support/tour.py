"""A page's own commands, taken from it and run as a reader would."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SAYS = re.compile(r"[…]|\d{4}-\d\d-\d\dT|[0-9a-f]{8}-[0-9a-f]{4}-")


class Step(NamedTuple):
    """A command of the page, and the answer that it shows."""

    kind: str
    command: str
    answer: str


def steps(page: Path) -> Iterator[Step]:
    """Yield each command with the block after it; one that shows no answer stands alone."""
    blocks = [*_FENCE.findall(page.read_text()), ("", "")]
    for (kind, command), (after, answer) in pairwise(blocks):
        if kind in ("sh", "python"):
            yield Step(kind, command, answer if after in ("http", "text") else "")


@dataclass
class Curl:
    """Sends what `curl` lines ask for, wherever `curl` may not be installed."""

    words: list[str]
    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None

    def send(self) -> httpx.Response:
        words = iter(self.words[1:])
        for word in words:
            if word == "-X":
                self.method = next(words)
            elif word == "-H":
                name, _, value = next(words).partition(": ")
                self.headers[name] = value
            elif word == "-d":
                self.body = next(words)
            elif word not in ("-i", "-N"):
                self.url = word
        self.method = self.method or ("POST" if self.body else "GET")
        return httpx.request(
            self.method, self.url, headers=self.headers, content=self.body, timeout=120
        )


def sent(command: str, variables: dict[str, str]) -> httpx.Response:
    """Send a `curl` line, the shell's variables filled in, and return the answer."""
    text = command.replace("\\\n", " ")
    for name, value in variables.items():
        text = text.replace(f"${name}", value)
    return Curl(shlex.split(text)).send()


def check(answer: httpx.Response, shown: str) -> None:
    """Assert that an answer has all that the page shows, and the same where that is no example."""
    head, _, body = shown.partition("\n\n")
    status, *headers = head.splitlines()
    assert status == f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
    for name, value in (header.split(": ", 1) for header in headers):
        assert name in answer.headers
        assert _SAYS.search(value) or answer.headers[name] == value
    if body.startswith("id: "):
        _check_stream(answer.text, body)
    else:
        _check_value(answer.json(), json.loads(body), "")


def _check_stream(told: str, shown: str) -> None:
    [identity, data] = told.strip().splitlines()
    [shown_identity, shown_data] = shown.strip().splitlines()
    assert identity == shown_identity
    _check_value(json.loads(data[6:]), json.loads(shown_data[6:]), "data")


def _check_value(told: Any, shown: Any, at: str) -> None:
    assert type(told) is type(shown), at
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert name in told, f"{at}.{name}"
            _check_value(told[name], value, f"{at}.{name}")
    elif isinstance(shown, list):
        assert len(told) >= len(shown), at
        for place, value in enumerate(shown):
            _check_value(told[place], value, f"{at}[{place}]")
    elif not _is_example(shown):
        assert told == shown, at


def _is_example(shown: Any) -> bool:
    # Ids, times, what is cut short, and what venues say.
    return isinstance(shown, str) and bool(_SAYS.search(shown) or re.fullmatch(_MARKET, shown))


_MARKET = r"\d+\.\d+|meteora|raydium"
