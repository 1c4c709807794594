"""Clients that nobody here wrote, against devchain. Each is a program of its own in `foreign/`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from devchain.server.running import make_blocks
from tests.support.devchain import SOL, Desk
from tests.support.programs import needed

_FOREIGN = Path(__file__).parent / "foreign"


async def seen(desk: Desk, *argv: str) -> Any:
    """Return what a client prints while blocks are made."""
    async with desk.served() as [door]:
        blocks = asyncio.create_task(make_blocks(desk.chain, desk.node, every_ms=5))
        client = await asyncio.create_subprocess_exec(
            *argv, f"http://{door}", f"ws://{door}", stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await client.communicate()
        blocks.cancel()
    assert client.returncode == 0
    return json.loads(printed)


async def test_solana_py_sends_confirms_and_hears(desk: Desk) -> None:
    said = await seen(desk, sys.executable, str(_FOREIGN / "solana_client.py"))

    assert said.pop("again").count("This transaction has already been processed") == 1
    assert said == {"alive": True, "told": "None", "error": "None", "balance": SOL, "fee": 5_000}


async def test_solana_kit_sends_and_confirms(desk: Desk) -> None:
    node = needed("node", how="Debian: apt-get install nodejs", in_ci=True)
    if not (_FOREIGN / "node_modules/@solana/kit").exists():
        missing = f"NOT CHECKED: there is no @solana/kit (npm ci --prefix {_FOREIGN})"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)

    said = await seen(desk, node, str(_FOREIGN / "kit_client.mjs"))

    assert said["error"] is None
    assert (said["balance"], said["fee"]) == (str(SOL), "5000")
    assert said["again"] == -32002
    assert "already been processed" in said["cause"]
