"""The page at `/`: who gets it, how it is sent, and that it loads nothing from elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import pytest_asyncio

from services.gateway.access.api_keys import line_for, new_key
from services.gateway.page.files import HOME, UNDER, File, read_files
from tests.support.gateway import Gateway, gateway_settings, running_gateway

FILES = read_files()
OURS = {address: file for address, file in FILES.items() if "/vendor/" not in address}
_IMPORTED = re.compile(
    r"""^(?:import|export) .*?from "(?P<from>[^"]+)";|^import "(?P<bare>[^"]+)";""", re.MULTILINE
)
_LOADED = re.compile(r'(?:href|src)="(page/[^"]+)"')
# Names, not addresses that anything is loaded from; a link that a person follows.
_NAMED = ("http://www.w3.org/2000/svg", "https://explorer.solana.com/")


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Yield a gateway that asks for keys."""
    keys = tmp_path / "keys.jsonl"
    keys.write_text(line_for(new_key(), "desk", "trade", ""))
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(keys))
    async with running_gateway(settings) as running:
        yield running


async def test_everybody_gets_the_page_and_all_that_it_loads(gateway: Gateway) -> None:
    answers = {address: await gateway.http.get(address) for address in FILES}

    assert {answer.status_code for answer in answers.values()} == {200}
    assert answers[HOME].headers["content-type"] == "text/html; charset=utf-8"
    assert all(answers[address].content == file.content for address, file in FILES.items())


async def test_no_script_but_the_pages_own_runs_there(gateway: Gateway) -> None:
    answer = await gateway.http.get(HOME)

    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
    assert {"connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
    assert "form-action 'none'" in policy
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_a_file_that_has_not_changed_is_not_sent_again(gateway: Gateway) -> None:
    first = await gateway.http.get(UNDER + "app.js")
    etag = first.headers["etag"]
    again = await gateway.http.get(UNDER + "app.js", headers={"if-none-match": f'"x", {etag}'})
    other = await gateway.http.get(UNDER + "app.js", headers={"if-none-match": 'W/"x"'})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (other.status_code, other.content) == (200, first.content)


async def test_a_file_is_packed_for_those_who_can_unpack_it(gateway: Gateway) -> None:
    address = UNDER + "app.js"
    async with gateway.http.stream("GET", address, headers={"accept-encoding": "gzip"}) as answer:
        sent = b"".join([part async for part in answer.aiter_raw()])
    plain = await gateway.http.get(address, headers={"accept-encoding": "identity"})

    assert answer.headers["content-encoding"] == "gzip"
    assert len(sent) < len(plain.content) / 2
    assert gzip.decompress(sent) == plain.content
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]


async def test_head_tells_what_get_would_send(gateway: Gateway) -> None:
    got = await gateway.http.get(HOME)
    head = await gateway.http.head(HOME)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_a_program_is_told_where_the_api_is(gateway: Gateway) -> None:
    answer = await gateway.http.get(HOME, headers={"accept": "application/json"})

    assert answer.json()["openapi"] == "/openapi.json"
    assert "Accept" in answer.headers["vary"]


async def test_nothing_but_the_pages_files_is_there(redis_url: str, namespace: str) -> None:
    addresses = ["nothing.js", "", "../files.py", "%2e%2e/files.py", "/etc/passwd", "..%2ffiles.py"]
    answers = []
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        host, _, port = gateway.address.partition(":")
        for address in addresses:
            reader, writer = await asyncio.open_connection(host, int(port))
            head = f"GET /page/{address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            answers.append((await reader.read()).decode())
            writer.close()

    assert {answer[:13] for answer in answers} == {"HTTP/1.1 404 "}
    assert all('"code":"NOT_FOUND"' in answer for answer in answers)


async def test_the_page_takes_no_other_method(gateway: Gateway) -> None:
    answer = await gateway.http.post(HOME, content=b"")

    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_whatever_the_page_and_its_modules_name_is_there() -> None:
    loaded = set(_LOADED.findall(FILES[HOME].content.decode()))
    named = {name for address, file in OURS.items() for name in _named_by(address, file)}

    modules = {name for name in OURS if name.endswith(".js")}
    assert {HOME + path for path in loaded} | named <= FILES.keys()
    assert modules <= {HOME + path for path in loaded}  # All at once, not one after the other.
    # And nothing lies about: licences, and what is named.
    unused = FILES.keys() - named - {HOME + path for path in loaded} - {HOME}
    assert unused == {UNDER + "vendor/uPlot.LICENSE"}


# Modules of a room import from rooms before it, and from their own. Beside the rooms lie those that
# put all together.
ROOMS = ("lib", "net", "state", "shell", "orders order place panels", "")


def test_modules_import_from_rooms_below_their_own() -> None:
    rank = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms.split(" ")}
    against = [
        (address, name)
        for address, file in OURS.items()
        for name in _named_by(address, file)
        if _room(address) != _room(name) and rank[_room(name)] >= rank[_room(address)]
    ]

    assert against == []


def _room(address: str) -> str:
    return address.removeprefix(UNDER).rpartition("/")[0]


def _named_by(address: str, file: File) -> list[str]:
    if not address.endswith(".js"):
        return []
    found = _IMPORTED.finditer(file.content.decode())
    return [urljoin(address, one["from"] or one["bare"]) for one in found]


@pytest.mark.parametrize("address", OURS)
def test_nothing_comes_from_elsewhere(address: str) -> None:
    text = OURS[address].content.decode()
    for name in _NAMED:
        text = text.replace(name, "")

    assert "https://" not in text.replace('"https:"', "")
    assert not re.search(r"\bhttp://", text)


def test_the_page_has_neither_scripts_nor_styles_within() -> None:
    html = FILES[HOME].content.decode()

    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=", html)
    assert not any("innerHTML =" in file.content.decode() for file in OURS.values())


def test_each_module_says_what_it_is_for_and_is_short() -> None:
    modules = {name: file.content.decode() for name, file in OURS.items() if name.endswith(".js")}

    assert all(text.startswith(("/**", "//")) for text in modules.values())
    assert {name for name, text in modules.items() if text.count("\n") > 250} == set()
