"""Whatever a client sends, the answer is one that OpenAPI describes."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from shared.archive.migrate import migrate
from tests.support.gateway import gateway_settings, running_gateway
from tools import fuzz


@pytest.mark.timeout(900)  # A thousand requests, one after the other.
async def test_no_request_gets_an_answer_that_openapi_does_not_describe(
    redis_url: str, database_url: str, namespace: str, tmp_path: Path
) -> None:
    await migrate(database_url)
    settings = gateway_settings(redis_url, namespace, database_url=database_url, compat=True)
    async with running_gateway(settings) as gateway:
        # The same requests each time: `make fuzz` is for those that nobody thought of.
        words = fuzz.command(f"http://{gateway.address}", 3, "--seed", "1")
        fuzzed = await asyncio.to_thread(
            subprocess.run, words, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert fuzzed.returncode == 0, fuzzed.stdout + fuzzed.stderr
