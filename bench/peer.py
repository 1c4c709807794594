"""The forerunners' design as it is measured: Fastify, BullMQ, a row write for each status."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from bench.system import Speech, System
from cli.console import Say, Trouble
from cli.layout import SERVICE_GRACE_S
from cli.plan import FreePorts
from cli.process import Keeper, Program
from cli.readiness import until

ZERO_DELAY = {"QUOTE_MS": "0", "SWAP_MS": "0"}
BEST = {"CONCURRENCY": "200", "PG_PIPELINE": "16"}
_INSTALL_S = 300
# As the peer's own bench does: PostgreSQL would plan for tables that are empty.
_SEED = (
    """INSERT INTO orders(id, token_in, token_out, amount_in, slippage, status, chosen_dex,
            executed_price, tx_hash, created_at, updated_at)
        SELECT ('00000000-0000-7000-8000-' || lpad(g::text, 12, '0'))::uuid, 'SOL', 'USDC', 1.5,
            0.01, 'confirmed', 'raydium', 150, '0x' || md5(g::text) || md5(g::text),
            now() - interval '1 day', now()
        FROM generate_series(1, 5000) g""",
    """INSERT INTO order_statuses(order_id, status, ts)
        SELECT id, step, created_at FROM orders,
            unnest(array['pending', 'routing', 'building', 'submitted', 'confirmed']) step""",
    "VACUUM ANALYZE orders",
    "VACUUM ANALYZE order_statuses",
    "CHECKPOINT",
)


class Peer(System):
    """The other side. `home` is an installed copy of the peer."""

    name = "peer"
    speech = Speech(
        order='{"type":"market","side":"buy","tokenIn":"SOL","tokenOut":"USDC","amountIn":1.5,'
        '"slippage":0.01}',
        follow='{"orderId":"$ID"}',
        socket="/api/orders/:id/ws",
        done_sql="SELECT count(*) FROM orders WHERE status IN ('confirmed', 'failed')",
        events_sql="SELECT count(*) FROM order_statuses",
    )

    def __init__(self, root: Path, say: Say, home: Path) -> None:
        super().__init__(root, say)
        self._home = home / "bullmq"

    async def start(self, settings: Mapping[str, str], *, intake_only: bool = False) -> None:
        """Start the API and one worker with `settings`, on empty tables."""
        port = FreePorts().take()
        self.url = f"http://127.0.0.1:{port}"
        env = {
            **os.environ,
            "PORT": str(port),
            "REDIS_URL": self.servers.redis_url,
            "DATABASE_URL": self.servers.database_url,
            "LOG_LEVEL": "off",
            "RATE_LIMIT": "0",
            "NODE_ENV": "production",
            **settings,
        }
        self.servers.sql("DROP TABLE IF EXISTS order_statuses, orders")
        self.servers.redis.flushall()
        await finish((_node(), "src/migrate.js"), self._home, env)
        self.reset()
        names = ("api",) if intake_only else ("api", "worker")
        keepers = [Keeper(self._program(name, env), self.say) for name in names]
        await self._run(*keepers)
        await until(self._answers, keepers[0])

    def reset(self) -> None:
        """Begin with a small history, as the peer's own bench does."""
        self.servers.sql("TRUNCATE orders, order_statuses")
        for statement in _SEED:
            self.servers.sql(statement)

    def _program(self, name: str, env: Mapping[str, str]) -> Program:
        layout = self.servers.layout
        return Program(
            name=name,
            argv=(_node(), str(self._home / "src" / f"{name}.js")),
            env=env,
            pid_file=layout.services / f"{name}.pid",
            log_file=layout.logs / f"{name}.log",
            grace_s=SERVICE_GRACE_S,
        )

    async def _answers(self) -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return (await http.get(f"{self.url}/health")).is_success
            except httpx.TransportError:
                return False


async def install(source: Path, home: Path) -> Path | None:
    """Copy the peer to `home` and fetch what it needs; return None where there is no peer.

    Raises `Trouble` when there is one that cannot be installed.
    """
    if not (source / "load.js").exists() or shutil.which("node") is None:
        return None
    _copy(source, home)
    for folder in (home, home / "bullmq"):
        if not (folder / "node_modules").exists():
            await finish(("npm", "install", "--no-audit", "--no-fund"), folder, os.environ)
    return home


def _copy(source: Path, home: Path) -> None:
    for path in source.rglob("*"):
        target = home / path.relative_to(source)
        if path.is_file() and "node_modules" not in path.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            # A copy of a file that may only be read could not be written over.
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
    # Its driver tells no percentile between the 99th and the maximum.
    driver = home / "load.js"
    driver.write_text(driver.read_text().replace("p99: q(0.99),", "p99: q(0.99), p999: q(0.999),"))


def versions(home: Path) -> dict[str, str]:
    """Return what the peer is made of."""
    found = {}
    for name in ("fastify", "bullmq6", "ioredis", "pg", "@fastify/websocket"):
        package = home / "bullmq" / "node_modules" / name / "package.json"
        found[name] = json.loads(package.read_text())["version"]
    return found


async def finish(command: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> str:
    """Run a command to its end and return what it printed. Raises `Trouble` if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_INSTALL_S):
            output, _ = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise Trouble(f"{' '.join(command)} failed:\n{output.decode(errors='replace')}")
    return output.decode(errors="replace")


def _node() -> str:
    return shutil.which("node") or sys.exit("node is missing")
