"""Slipstream as it is measured: the five services, a process each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx

from bench.system import Speech, System
from cli.console import Say
from cli.plan import Replica, StackOptions, environment, replicas
from cli.process import Keeper
from cli.readiness import is_ready, prepare_tables, until
from cli.stack import together

# The simulated chain keeps its ledger in Redis; ours is not to be measured by how long it does.
SHORT_CHAIN = {"CHAIN_RETENTION_S": "30", "CHAIN_VALID_BLOCKS": "50"}
ZERO_DELAY = {
    **SHORT_CHAIN,
    "VENUE_QUOTE_MS": "0",
    "VENUE_SWAP_MS_MIN": "0",
    "VENUE_SWAP_MS_MAX": "0",
}
# Our tables keep growing: to count all rows five times a second would be most of what is measured.
# The counts are written in the same transaction as the rows.
_DONE_SQL = """
    SELECT coalesce(sum(events), 0) FROM event_counts
    WHERE type IN ('OrderConfirmed', 'OrderFailed', 'OrderCancelled', 'OrderExpired')
"""
_COMMITTED_SQL = """
    SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin))) * 1000 FROM orders
    WHERE submitted_at > (SELECT max(submitted_at) FROM orders) - interval '30 seconds'
"""
# A long run must not end at a bound that is there to protect small machines.
_ROOM = {"MAX_BACKLOG": "10000000", "MAX_CONNECTIONS_PER_ADDRESS": "0", "LOG_LEVEL": "WARNING"}


class Slipstream(System):
    """Our side."""

    speech = Speech(
        order='{"tokenIn":"SOL","tokenOut":"USDC","amountIn":"1.5","maxSlippageBps":100}',
        follow='{"subscribe":"$ID"}',
        socket="/api/orders/:id/ws?since=0",  # In our words, as over the socket for all.
        done_sql=_DONE_SQL,
        events_sql="SELECT coalesce(sum(events), 0) FROM event_counts",
        committed_sql=_COMMITTED_SQL,
    )

    def __init__(
        self, root: Path, say: Say, *, name: str = "slipstream", code: Path | None = None
    ) -> None:
        """Run the services of this checkout, or of the one in `code`."""
        super().__init__(root, say)
        self.name = name
        # Services are started so that nothing but this can come before what is installed.
        self._code = {"PYTHONPATH": str(code.resolve())} if code else {}
        self._options = StackOptions(data_dir=root, temporary=True)

    async def start(self, settings: Mapping[str, str], *, intake_only: bool = False) -> None:
        """Start the services with `settings`, on the data that is there."""
        servers = self.servers
        await prepare_tables(servers.database_url)
        there = environment(servers.redis_url, servers.database_url)
        env = {**there, **_ROOM, **settings, **self._code}
        plan = [r for r in replicas(self._options) if r.service == "gateway" or not intake_only]
        self.url = next(replica.url for replica in plan if replica.service == "gateway")
        keepers = [Keeper(replica.program(servers.layout, env), self.say) for replica in plan]
        await self._run(*keepers)
        async with httpx.AsyncClient(trust_env=False) as http:
            await together(*(_ready(http, *one) for one in zip(plan, keepers, strict=True)))

    def reset(self) -> None:
        """Keep everything: Slipstream is to run as it does after a long day."""
        self.servers.sql("CHECKPOINT")


async def _ready(http: httpx.AsyncClient, replica: Replica, keeper: Keeper) -> None:
    await until(lambda: is_ready(http, replica), keeper)
