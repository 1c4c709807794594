"""The documents say what is true: generated pages are fresh, and what pages name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge

from shared.observability import metrics
from shared.observability.histogram import Histogram
from tools.docs import PAGES, ROOT
from tools.env_example import READERS

_HAND_WRITTEN = sorted(
    page.relative_to(ROOT).as_posix() for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)
_IN_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"(?:cli|deploy|docs|services|shared|tests|tools)/[\w./-]*\w/?")
_METRIC = re.compile(r"slipstream_(?!rebuild)\w+")  # That one is a schema in Postgres.
_METRICS = {
    described.name
    for metric in vars(metrics).values()
    if isinstance(metric, Counter | Gauge | Histogram)
    for described in metric.describe()
}


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_what_the_code_says_now(page: str) -> None:
    assert text_of(page) == PAGES[page](), "run `make docs`"


def test_the_example_of_an_environment_spells_out_the_defaults() -> None:
    lines = [line.removeprefix("#") for line in text_of(".env.example").splitlines()]
    given = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z][A-Z_]*=", line))
    servers = {name: given[name] for name in ("REDIS_URL", "DATABASE_URL")}
    given["CONSUMER_NAME"] = servers["CONSUMER_NAME"] = "me"

    for kind in READERS.values():
        assert kind.from_env(given) == kind.from_env(servers)


@pytest.mark.parametrize("page", _HAND_WRITTEN)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    named = [word for code in _IN_CODE.findall(text_of(page)) for word in _PATH.findall(code)]
    linked = [(ROOT / page).parent / link for link in _LINK.findall(text_of(page))]

    assert [path for path in [*map(ROOT.joinpath, named), *linked] if not exists(path)] == []


def exists(path: Path) -> bool:
    # Pages say `<name>` where any will do.
    return path.exists() or "<" in path.as_posix()


@pytest.mark.parametrize("page", _HAND_WRITTEN)
def test_every_metric_that_a_page_names_is_there(page: str) -> None:
    assert metrics_in(page) <= _METRICS


def test_the_page_for_watchers_names_every_metric() -> None:
    assert metrics_in("docs/operations/watch.md") >= _METRICS


def metrics_in(page: str) -> set[str]:
    # Prometheus shows a counter under its name and `_total`, and a histogram's parts.
    return {
        re.sub(r"_(total|bucket|sum|count)$", "", name) for name in _METRIC.findall(text_of(page))
    }
