"""The documents say what is true: generated pages are fresh, and what pages name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge

from shared.observability import metrics
from shared.observability.histogram import Histogram
from tests.support.pages import anchors, beginnings
from tools.docs import PAGES, ROOT
from tools.env_example import READERS

_MARKDOWN = sorted(
    page.relative_to(ROOT).as_posix()
    for folder in ("*.md", "docs/**/*.md", "bench/*.md")
    for page in ROOT.glob(folder)
)
_DECISIONS = [page for page in _MARKDOWN if page.startswith("docs/adr/")]
_IN_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
_PATH = re.compile(
    r"(?<![\w./])(?:(?:cli|deploy|docs|services|shared|tests|tools)/[\w./-]*\w/?|(?:\w+/)+\w+\.py)"
)
_SHELL = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\b\d{13}-\d")
_KEY = re.compile(r"""(?:Idempotency-Key: |--key |"clientOrderId": ")([\w-]+)""")
_NOUNLESS = {"what", "who", "whoever", "of", "where"}
_METRIC = re.compile(r"slipstream_(?!rebuild\b|engine\b)\w+")  # Those are a schema and a package.
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


@pytest.mark.parametrize("page", _MARKDOWN)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    named = [word for code in _IN_CODE.findall(text_of(page)) for word in _PATH.findall(code)]
    linked = [path for path, _ in links_of(page)]

    assert [path for path in [*map(ROOT.joinpath, named), *linked] if not exists(path)] == []


@pytest.mark.parametrize("page", _MARKDOWN)
def test_every_heading_that_a_page_links_to_is_there(page: str) -> None:
    linked = [(path, heading) for path, heading in links_of(page) if heading]

    assert [link for link in linked if link[1] not in anchors(link[0])] == []


def links_of(page: str) -> list[tuple[Path, str]]:
    here = ROOT / page
    return [
        ((here.parent / path).resolve() if path else here, heading)
        for path, heading in _LINK.findall(text_of(page))
    ]


def exists(path: Path) -> bool:
    # Pages say `<name>` where any will do.
    return path.exists() or "<" in path.as_posix()


@pytest.mark.parametrize("page", _MARKDOWN)
def test_every_metric_that_a_page_names_is_there(page: str) -> None:
    assert metrics_in(page) <= _METRICS


def metrics_in(page: str) -> set[str]:
    # Prometheus shows a counter under its name and `_total`, and a histogram's parts.
    return {
        re.sub(r"_(total|bucket|sum|count)$", "", name) for name in _METRIC.findall(text_of(page))
    }


@pytest.mark.parametrize("page", [*_MARKDOWN, ".env.example"])
def test_no_sentence_begins_with_a_word_that_makes_readers_look_for_the_noun(page: str) -> None:
    text = text_of(page).replace("\n# ", "\n") if page == ".env.example" else text_of(page)

    assert [begun for begun, word in beginnings(text).items() if word in _NOUNLESS] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.endswith(".json")])
def test_no_description_begins_with_a_word_that_makes_readers_look_for_the_noun(page: str) -> None:
    said = re.findall(r'"(?:description|summary|title)": "(\w+)', text_of(page))

    assert _NOUNLESS & {word.lower() for word in said} == set()


@pytest.mark.parametrize("page", _MARKDOWN)
def test_no_command_of_a_page_names_an_order_or_an_entry_that_its_reader_has_not(page: str) -> None:
    assert [block for block in _SHELL.findall(text_of(page)) if _ID.search(block)] == []


def test_no_two_documents_use_the_same_key_for_an_order() -> None:
    help_texts = [file.relative_to(ROOT).as_posix() for file in ROOT.glob("cli/**/*.py")]
    users: dict[str, set[str]] = {}
    for page in [*_MARKDOWN, *help_texts]:
        for key in _KEY.findall(text_of(page)):
            users.setdefault(key, set()).add(page)

    assert {key: pages for key, pages in users.items() if len(pages) > 1} == {}
    assert {"README.md"} in users.values()


@pytest.mark.parametrize("page", _DECISIONS)
def test_a_decision_is_told_in_at_most_300_words(page: str) -> None:
    assert len(text_of(page).split()) <= 300
