"""`slipstream doctor`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from rich.markup import escape

from cli import addresses, options, running
from cli.addresses import Addresses
from cli.console import EXIT_CODES, FAILED, OK, out, run, speaker
from cli.doctor.findings import Finding
from cli.doctor.look import look_at_both, look_at_postgres, look_at_redis, look_at_service

doctor_help = f"""
Examples:

  slipstream doctor

  slipstream doctor --url http://swap.example --redis-url redis://cache.example:6379/0

It only looks. What has no known address is not looked at. Exits with 1 if anything is broken.
{EXIT_CODES}
"""


def doctor(
    *,
    url: addresses.Gateway = None,
    redis_url: addresses.Redis = None,
    database_url: addresses.Database = None,
    data_dir: options.DataDir = options.DATA_DIR,
) -> None:
    """Tell what is reachable, what is behind or badly set, and what to do about it."""
    found = addresses.find(data_dir, gateway=url, redis_url=redis_url, database_url=database_url)
    run(_doctor(found, data_dir))


async def _doctor(found: Addresses, data_dir: Path) -> int:
    say = speaker(out)
    broken = 0
    async for finding in _everything(found, data_dir):
        say(finding.grade, finding.what)
        if finding.advice:
            out.print(f"          [bold]{escape(finding.advice)}[/]")
        broken += finding.grade == "broken"
    out.print(f"\n{broken} broken" if broken else "\nall is well")
    return FAILED if broken else OK


async def _everything(found: Addresses, data_dir: Path) -> AsyncIterator[Finding]:
    stack = running.find(data_dir)
    yield await look_at_service("gateway", found.gateway)
    for name, address in stack.health.items() if stack else ():
        if address != found.gateway:
            yield await look_at_service(name, address)
    if found.redis_url is None:
        yield _unknown("Redis", "--redis-url")
    else:
        async for finding in look_at_redis(found):
            yield finding
    if found.database_url is None:
        yield _unknown("PostgreSQL", "--database-url")
    else:
        async for finding in look_at_postgres(found.database_url):
            yield finding
    if found.redis_url and found.database_url:
        async for finding in look_at_both(found):
            yield finding


def _unknown(server: str, option: str) -> Finding:
    return Finding("note", f"{server} was not looked at", f"give {option}, or run `slipstream up`")
