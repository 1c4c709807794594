"""The page that every service has for probes and Prometheus."""

from __future__ import annotations

import httpx
import pytest

from shared.process.runtime import Health, metrics_server
from tests.support.servers import free_port


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics", "/nowhere"])
async def test_head_is_answered_as_get_is_without_the_body(path: str) -> None:
    port = free_port()
    async with (
        metrics_server("127.0.0.1", port, Health()),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        shown, head = await http.get(path), await http.head(path)

    assert (head.status_code, head.content) == (shown.status_code, b"")
    assert head.headers["content-type"] == shown.headers["content-type"]
    assert "content-length" in head.headers
