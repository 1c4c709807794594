"""Where the time of an order goes: `python -m bench.profile`, which is `make profile`.

Samples every service with py-spy while orders go through, and asks Valkey for its time by command
and PostgreSQL for its time by statement. Writes a flame graph a service and `profile.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from bench.drive import Driven, Drivers
from bench.flame import by_function, flame_graph, parse
from bench.ours import ZERO_DELAY, OnDevchain, Slipstream
from bench.run import cost
from bench.servers import Servers
from bench.system import System
from cli.console import Trouble
from cli.plan import DEVCHAIN, SIMULATED

_HOME = Path(__file__).parent
_RATE = "200"  # Samples a second: a service that is always busy gives so many.
_WARM_UP = 2_000
_SHOWN = 25
_PRELOAD = ("-c", "shared_preload_libraries=pg_stat_statements")
_STATEMENTS = """
    SELECT calls, total_exec_time, rows, regexp_replace(query, '\\s+', ' ', 'g')
    FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 15
"""
_ENDING_S = 30.0
_SERVERS = ("valkey", "postgres")
_SYSTEMS = {SIMULATED: Slipstream, DEVCHAIN: OnDevchain}


async def _run(orders: int, chain: str, root: Path, results: Path) -> None:
    system = _SYSTEMS[chain](
        root / "ours", lambda kind, text: print(f"{kind:<10} {text}", flush=True)
    )
    system.servers = Servers(root / "ours", system.say, *_PRELOAD)
    drivers = Drivers(None)
    async with system.servers as servers:
        try:
            servers.sync("everysec")
            servers.sql("CREATE EXTENSION pg_stat_statements")
            await system.start(ZERO_DELAY)
            await drivers.to_end(system, "e2e", _WARM_UP)
            servers.sql("SELECT pg_stat_statements_reset()")
            servers.redis.config_resetstat()
            driven, samples = await _sampled(system, drivers, orders, root)
            commands: Any = servers.redis.info("commandstats")
            statements = _statements(servers)
        finally:
            await system.stop()
    lines = [*_head(driven, orders), *_functions(samples, driven, orders)]
    lines += [*_commands(commands, orders), *_queries(statements, orders)]
    graphs = {f"{service}.svg": flame_graph(service, samples[service]) for service in samples}
    _write(results, {"profile.md": "\n".join(lines) + "\n", **graphs})
    system.say("profile", str(results / "profile.md"))


def _write(results: Path, pages: Mapping[str, str]) -> None:
    results.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (results / name).write_text(text)


async def _sampled(
    system: System, drivers: Drivers, orders: int, root: Path
) -> tuple[Driven, dict[str, Counter[tuple[str, ...]]]]:
    spies = {}
    pids = system.pids()
    for service, pid in pids.items():
        if service in _SERVERS:
            continue
        spies[service] = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("py-spy")), "record", "--format", "raw"),
            # Without --gil a thread that waits in poll() counts as busy.
            *("--pid", str(pid), "--rate", _RATE, "--nolineno", "--gil"),
            *("--output", str(root / f"{service}.txt")),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    try:
        driven = await drivers.to_end(system, "e2e", orders)
    finally:
        for spy in spies.values():
            if spy.returncode is None:
                spy.send_signal(2)  # It writes what it has.
        async with asyncio.timeout(_ENDING_S):
            for spy in spies.values():
                await spy.wait()
    return driven, {service: _read(root / f"{service}.txt") for service in spies}


def _read(path: Path) -> Counter[tuple[str, ...]]:
    if not path.exists():
        raise Trouble("py-spy has sampled nothing: may it look into other processes here?")
    return parse(path.read_text())


def _statements(servers: Servers) -> list[tuple[Any, ...]]:
    with psycopg.connect(servers.database_url) as connection:
        return connection.execute(_STATEMENTS.encode()).fetchall()


def _head(driven: Driven, orders: int) -> Iterator[str]:
    yield "# Where the time of an order goes"
    yield ""
    yield (
        f"{orders:,} orders, single POSTs over 64 connections, zero venue delay: "
        f"{driven.result['orders_per_s']:,.0f} orders/s while being sampled, which costs too."
    )
    yield ""
    yield "| process | CPU an order, µs |"
    yield "|---|---|"
    for name, ms in cost(driven, orders).items():
        if name.startswith("cpu_ms_"):
            yield f"| {name.removeprefix('cpu_ms_')} | {1_000 * ms:.0f} |"
    yield ""


def _functions(
    samples: Mapping[str, Counter[tuple[str, ...]]], driven: Driven, orders: int
) -> Iterator[str]:
    for service, stacks in samples.items():
        total = stacks.total() or 1
        spent_us = 1e6 * driven.used.cpu_s[service] / orders
        yield f"## {service}: {spent_us:.0f} µs an order"
        yield ""
        yield (
            f"[Flame graph]({service}.svg). `own` is without, `all` with what a function calls. "
            "uvloop itself, in C, shows as `Runner.run`."
        )
        yield ""
        yield "| function | own, µs | all, µs |"
        yield "|---|---|---|"
        own, everything = by_function(stacks)
        for name, count in own.most_common(_SHOWN):
            mine, whole = (spent_us * n / total for n in (count, everything[name]))
            yield f"| `{name}` | {mine:.1f} | {whole:.1f} |"
        yield ""


def _commands(commands: Mapping[str, Mapping[str, Any]], orders: int) -> Iterator[str]:
    yield "## Valkey, by command"
    yield ""
    yield "Scripts (`evalsha`, `fcall`) include the commands that they call, which count again."
    yield ""
    yield "| command | calls an order | µs an order | µs a call |"
    yield "|---|---|---|---|"
    by_time = sorted(commands.items(), key=lambda item: -float(item[1]["usec"]))
    for name, stats in by_time[:_SHOWN]:
        calls, spent = float(stats["calls"]), float(stats["usec"])
        yield (
            f"| {name.removeprefix('cmdstat_')} | {calls / orders:.3f} | {spent / orders:.2f} "
            f"| {spent / max(1.0, calls):.1f} |"
        )
    yield ""


def _queries(statements: list[tuple[Any, ...]], orders: int) -> Iterator[str]:
    yield "## PostgreSQL, by statement"
    yield ""
    yield "| statement | calls an order | µs an order | rows an order |"
    yield "|---|---|---|---|"
    for calls, total_ms, rows, query in statements:
        words = query[:140].replace("|", "\\|")
        spent = 1_000 * total_ms / orders
        yield f"| `{words}` | {calls / orders:.4f} | {spent:.1f} | {rows / orders:.2f} |"


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--chain", choices=_SYSTEMS, default=SIMULATED)
    parser.add_argument("--results", type=Path, default=_HOME / "results" / "profile")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slip") as folder:
        try:
            asyncio.run(_run(asked.orders, asked.chain, Path(folder), asked.results))
        except Trouble as trouble:
            sys.exit(str(trouble))


if __name__ == "__main__":
    main()
