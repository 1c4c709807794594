"""`slipstream load` beside what is measured."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE

from cli.console import Trouble
from cli.process import ours

_SPARE_S = 120.0


async def load(url: str, rate: float, seconds: float) -> float:
    """Place orders at a rate, and return how many were accepted a second.

    Raises `Trouble` when an order was not.
    """
    asked = ("load", "--url", url, "--rate", f"{rate:g}", "--duration", f"{seconds:g}", "--json")
    words = ours("cli", *asked)
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(seconds + _SPARE_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Trouble(f"the load failed: {said.decode()[-2_000:]}")
    return float(json.loads(said)["acceptedPerS"])
