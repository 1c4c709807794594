"""`slipstream doctor`."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import parse_qs, urlsplit

from rich.markup import escape

from cli import addresses, options
from cli.addresses import Addresses
from cli.console import EXIT_CODES, FAILED, OK, as_called, out, run, speaker
from cli.doctor.findings import Finding
from cli.doctor.look import Look, look_at_both, look_at_postgres, look_at_redis, look_at_service

_ANSWER_S = 3.0  # A person waits for five seconds; the rest is for starting and for ending.

doctor_help = f"""
Examples:

  slipstream doctor

  slipstream doctor --url http://swap.example --redis-url redis://cache.example:6379/0

It only looks, at everything at once, and waits {_ANSWER_S:g} seconds for the answers. What has no
known address is not looked at. Exits with 1 if anything is broken.
{EXIT_CODES}
"""


def doctor(
    *,
    url: addresses.Gateway = None,
    redis_url: addresses.Redis = None,
    database_url: addresses.Database = None,
    data_dir: options.OfStack = None,
) -> None:
    """Tell what is reachable, what is behind or badly set, and what to do about it."""
    found = addresses.find(data_dir, gateway=url, redis_url=redis_url, database_url=database_url)
    run(_doctor(_looks(found)))


async def _doctor(looks: list[Look]) -> int:
    tasks = {asyncio.create_task(look()): look for look in looks}
    done, late = await asyncio.wait(tasks, timeout=_ANSWER_S)
    for task in done:
        task.result()
    for task in late:
        tasks[task].miss(_ANSWER_S)
    code = _tell([finding for look in looks for finding in look.findings])
    if late:
        out.file.flush()
        os._exit(code)  # To cancel a hanging connection politely may take as long again.
    return code


def _tell(findings: list[Finding]) -> int:
    say = speaker(out)
    for finding in findings:
        say(finding.grade, finding.what)
        if finding.advice:
            out.print(f"          [bold]{escape(as_called(finding.advice))}[/]")
    broken = sum(finding.grade == "broken" for finding in findings)
    out.print(f"\n{broken} broken" if broken else "\nall is well")
    return FAILED if broken else OK


def _looks(found: Addresses) -> list[Look]:
    others = {name: url for name, url in found.services.items() if url != found.gateway}
    services = {"gateway": found.gateway, **others}
    return [
        *(Look(look_at_service(name, url), f"{name} at {url}") for name, url in services.items()),
        Look(look_at_redis(found), f"Redis{_at(found.redis_url)}"),
        Look(look_at_postgres(found), f"PostgreSQL{_at(found.database_url)}"),
        Look(look_at_both(found), "whether Redis has lost anything", grade="note"),
    ]


def _at(url: str | None) -> str:
    """Return where a server is. What a URL holds besides may be a password."""
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or next(iter(parse_qs(parts.query).get("host", ())), "")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f" at {host}{port}" if host else ""
