"""Slipstream as it is measured: the five services, a process each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.system import Speech, System
from cli.console import Say, Trouble
from cli.devchain import Devchain
from cli.plan import DEVCHAIN, FreePorts, Replica, StackOptions, environment, replicas
from cli.process import Keeper
from cli.readiness import is_ready, prepare_tables, until
from cli.stack import together
from cli.wallets.book import add_wallet, wallets_in
from cli.wallets.faucet import airdrop
from shared.settings import MarketSettings
from shared.solana.wallets.wallets_file import OTHERS
from shared.venues.onchain.opening import opened_chain

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
_BLOCK_MS = 50
_GIFTS = {"SOL": 500_000, "USDC": 1}  # Enough for 300,000 orders, and an account for what they get.
# A long run must not end at a bound that is there to protect small machines.
_ROOM = {"MAX_BACKLOG": "10000000", "MAX_CONNECTIONS_PER_ADDRESS": "0", "LOG_LEVEL": "WARNING"}


class Slipstream(System):
    """Our side, on the simulated chain."""

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
        self._plan: list[Replica] = []

    async def start(self, settings: Mapping[str, str], *, intake_only: bool = False) -> None:
        """Start the services with `settings`, on the data that is there."""
        servers = self.servers
        await prepare_tables(servers.database_url)
        there = environment(servers.redis_url, servers.database_url)
        env = {**there, **_ROOM, **settings, **self._code}
        plan = [r for r in replicas(self._options) if r.service == "gateway" or not intake_only]
        self._plan = plan
        self.url = next(replica.url for replica in plan if replica.service == "gateway")
        keepers = [Keeper(replica.program(servers.layout, env), self.say) for replica in plan]
        await self._run(*keepers)
        async with httpx.AsyncClient(trust_env=False) as http:
            await together(*(_ready(http, *one) for one in zip(plan, keepers, strict=True)))

    async def metric(self, name: str) -> float:
        """Return a counter, summed over its labels and all services."""
        pages = await asyncio.gather(*(self._page(replica) for replica in self._plan))
        return sum(
            sample.value
            for page in pages
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == name
        )

    async def _page(self, replica: Replica) -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"{replica.url}/metrics")).text

    def reset(self) -> None:
        """Keep everything: Slipstream is to run as it does after a long day."""
        self.servers.sql("CHECKPOINT")


class OnDevchain(Slipstream):
    """The same on a development chain, which signs and lands every swap. One process more."""

    # Sales of 1.5 SOL at this rate move the pool by more than the slippage that orders bear.
    speech = replace(Slipstream.speech, order=Slipstream.speech.order.replace("1.5", "0.015"))

    async def start(self, settings: Mapping[str, str], *, intake_only: bool = False) -> None:
        """Start the chain, fund a wallet, and start the services with `settings`."""
        layout = self.servers.layout
        chain = Devchain(layout, FreePorts().take())
        keeper = Keeper(chain.program(_BLOCK_MS, "frozen"), self.say)
        await self._run(keeper)
        await until(chain.answers, keeper)
        env = {"CHAIN": DEVCHAIN, "RPC_URLS": chain.url, "WALLETS_FILE": str(layout.wallets)}
        there = environment(self.servers.redis_url, self.servers.database_url) | env
        if not wallets_in(layout.wallets).all:
            owner = add_wallet(layout.wallets, "main", [OTHERS])
            async with opened_chain(MarketSettings.from_env(there)) as opened:
                if opened is None:
                    raise Trouble("there is no chain")
                for symbol, amount in _GIFTS.items():
                    token = opened.tokens.by_name[symbol]
                    await airdrop(opened.nodes, owner, token, Decimal(amount))
        await super().start({**settings, **env}, intake_only=intake_only)


async def _ready(http: httpx.AsyncClient, replica: Replica, keeper: Keeper) -> None:
    await until(lambda: is_ready(http, replica), keeper)
