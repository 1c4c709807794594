"""Throw what OpenAPI allows, and what it does not, at a real stack: `python -m tools.fuzz`.

The answers must be those that OpenAPI describes, and none may be the server's own failure.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from cli.console import out, speaker
from cli.plan import StackOptions
from cli.stack import Stack

_RULES = Path(__file__).with_name("schemathesis.toml")


def command(url: str, examples: int, *more: str) -> list[str]:
    """Return what tries about `examples` requests of each kind on every address at `url`.

    `more` are further options of schemathesis.
    """
    return [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_RULES)),
        *("run", f"{url}/openapi.json", "--max-examples", str(examples), "--no-color"),
        *more,
    ]


async def _fuzz(examples: int) -> int:
    with tempfile.TemporaryDirectory(prefix="slipstream-fuzz-") as directory:
        wanted = StackOptions(data_dir=Path(directory), temporary=True)
        async with Stack(wanted, speaker(out)) as stack:
            words = command(stack.gateways[0].url, examples)
            return await (await asyncio.create_subprocess_exec(*words, cwd=directory)).wait()


def main() -> int:
    """Fuzz a stack of its own, and return schemathesis's exit code."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--examples", type=int, default=200)
    return asyncio.run(_fuzz(asked.parse_args().examples))


if __name__ == "__main__":
    sys.exit(main())
