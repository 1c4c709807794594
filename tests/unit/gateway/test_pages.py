"""By which names a gateway without keys may be called, and what may be listed."""

from __future__ import annotations

import pytest

from services.gateway.access.pages import names_among
from shared.settings import GatewaySettings, InvalidSettings

SERVERS = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://127.0.0.1:1/nobody"}
LISTED = frozenset({"gateway", "*.lan.example"})


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8000", "LocalHost:8000", "localhost.", "app.localhost:8000"),
        *("127.0.0.1", "127.8.8.8:8000", "[::1]", "[::1]:8000", "10.1.2.3:8000", "[fd00::7]"),
        *("gateway", "gateway:8000", "Gateway.:8000", "one.lan.example", "a.b.lan.example:80"),
    ],
)
def test_a_gateway_is_called_by_addresses_localhost_and_what_is_listed(host: str) -> None:
    assert names_among(LISTED)(host.encode())


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "localhost.evil.example", "evillocalhost"),
        *("127.0.0.1.evil.example", "gateway.evil.example", "lan.example", "evillan.example"),
        *("[::1]evil.example", "localhost:80@evil.example", "evil.example:localhost", "[::1", ""),
        *("*", "\xe9", "127.0.0.1:80:80"),
    ],
)
def test_a_gateway_is_called_by_no_other_name(host: str) -> None:
    assert not names_among(LISTED)(host.encode("latin-1"))


@pytest.mark.parametrize("host", [b"evil.example", b"", b"[::1]x"])
def test_a_star_lists_every_name(host: bytes) -> None:
    assert names_among(frozenset("*"))(host)


@pytest.mark.parametrize(
    "origins",
    [
        *("app.example", "https://app.example/", "https://app.example/a", "https://APP.example"),
        *("https://app.example:443", "http://app.example:80", "https://*.app.example", "*.app"),
        "https://user:word@app.example",
    ],
)
def test_an_origin_that_no_browser_would_send_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(InvalidSettings, match=r"ALLOWED_ORIGINS: .*scheme://host") as refused:
        GatewaySettings.from_env(SERVERS | {"ALLOWED_ORIGINS": f"https://one.example,{origins}"})

    assert "word" not in str(refused.value)


@pytest.mark.parametrize(
    "hosts", ["http://gateway", "gateway:8000", "Gateway", "a.*.example", ".a"]
)
def test_a_name_that_no_host_could_match_is_refused_at_the_start(hosts: str) -> None:
    with pytest.raises(InvalidSettings, match=r"ALLOWED_HOSTS: .*\*\.lan\.example"):
        GatewaySettings.from_env(SERVERS | {"ALLOWED_HOSTS": f"gateway, {hosts}"})


def test_what_browsers_send_may_be_listed() -> None:
    origins = "https://app.example, http://localhost:5173,http://[::1]:80443,null,app://x *"
    hosts = "gateway,gateway.slipstream.svc *.lan.example,*,a_b"
    settings = GatewaySettings.from_env(
        SERVERS | {"ALLOWED_ORIGINS": origins, "ALLOWED_HOSTS": hosts}
    )

    assert (settings.allowed_origins, settings.allowed_hosts) == (origins, hosts)
