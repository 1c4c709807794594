"""Run a stack under load, break it for some minutes, and check what it kept of its promises."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic

from shared.concurrency.pause import pause
from tests.chaos.audience import Audience, hopping
from tests.chaos.checker import violations
from tests.chaos.evidence import come_to_rest, evidence
from tests.chaos.load import Load
from tests.chaos.nemesis import FAULTS, ON_CHAIN, Nemesis
from tests.chaos.records import Archived, Injected, Record, Row, save
from tests.chaos.run import Violation
from tests.chaos.stage import LEASE_MS, Stage, staged
from tests.support.processes import ROOT

CHAIN = "chain"  # The one fault that is no act of the nemesis: it is in the venues' settings.
SIMULATED, DEVCHAIN = "simulated", "devchain"
FAULTS_ON = {
    SIMULATED: (*(fault for fault in FAULTS if fault not in ON_CHAIN), CHAIN),
    DEVCHAIN: tuple(FAULTS),
}
# Everything that a chain and its nodes do wrong, all the time, a little.
_CHAIN_FAULTS = (
    *("quote_error=0.05", "quote_stale=0.02", "unreachable=0.005", "outage=0.0005"),
    *("send_error=0.03", "send_lost=0.03", "send_lost_reply=0.03"),
    *("never_lands=0.03", "lands_late=0.03", "fails_on_chain=0.03", "slippage_exceeded=0.01"),
    *("node_lags=0.02", "node_forgets=0.02", "history_pruned=0.02"),
)
_LOOK_S = 0.2
_REST_S = 600.0  # Only what hangs is not done by then.


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do to a stack. The same seed makes the same faults and the same load."""

    seconds: float
    seed: int
    faults: tuple[str, ...]
    rate: float  # Orders a second.
    fault_every_s: float
    replicas: int
    save: Path  # Where to keep what was seen, and what the services said.
    chain: str = SIMULATED
    code: Path = ROOT  # Where the services are found.
    without_compare: bool = False
    quote_ms: int = 20  # How long a venue takes to answer a router.
    rest_s: float = _REST_S  # Longest wait for everything to come to its end.
    enough: Callable[[Stage], Awaitable[bool]] | None = None  # Ends the raging before its time.


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run came to."""

    orders: int
    seconds: float
    faults: Counter[str]
    ends: Counter[str]
    violations: list[Violation]
    records: list[Record]


def settings_for(plan: Plan) -> dict[str, object]:
    """Return settings in which everything happens soon: leases, expiry, trimming."""
    faults = ",".join(f"*.{fault}" for fault in _CHAIN_FAULTS) if CHAIN in plan.faults else ""
    return {
        "namespace": "chaos",
        "partitions": 8,
        "lease_ms": LEASE_MS,
        "max_attempts": 10,
        "backoff_base_ms": 100,
        "backoff_cap_ms": 1_000,
        "quote_ttl_ms": 2_000,
        "venue_quote_ms": plan.quote_ms,
        "venue_swap_ms_min": 50,
        "venue_swap_ms_max": 300,
        "venue_deadline_ms": 2_000,
        "venue_outage_ms": 1_000,
        "venue_seed": str(plan.seed),
        "venue_faults": faults,
        "chain_block_ms": 50,
        "chain_valid_blocks": 60,
        "confirm_budget_ms": 1_000,
        "confirm_poll_ms": 50,
        "resend_ms": 500,
        "unresolved_poll_ms": 200,
        "unresolved_poll_cap_ms": 1_000,
        "redis_timeout_s": 2.0,
        "accept_deadline_ms": 1_000,
        "follow_check_s": 1.0,
        # Repeats that come late are to find the lists of ended orders gone.
        "history_ttl_s": Random(f"settings {plan.seed}").randint(1, 5),
        "trim_every_s": 1.0,
        # Longer than gateways are cut off: nothing is lost to who comes back without a cause.
        "stream_window_s": 120.0,
        "stream_window_entries": 1_000_000,
        "drain_s": 3.0,
        "reconcile_every_s": 1.0,
        "reconcile_keys": 2_000,
        "look_back_ms": 500,
        "look_back_for_ms": 2_000,
    }


async def execute(plan: Plan) -> Result:
    """Run the plan, and check what it left behind."""
    settings = settings_for(plan)
    async with staged(
        settings,
        plan.save,
        replicas=plan.replicas,
        devchain=plan.chain == DEVCHAIN,
        without_compare=plan.without_compare,
        code=plan.code,
    ) as stage:
        started = monotonic()
        records = await _played(plan, stage)
        seconds = monotonic() - started
        records += await evidence(stage.settings, stage.chain)
    found = violations(records)
    return Result(
        orders=sum(isinstance(record, Archived) for record in records),
        seconds=seconds,
        faults=Counter(record.fault for record in records if isinstance(record, Injected)),
        ends=Counter(record.status for record in records if isinstance(record, Row)),
        violations=found,
        records=records,
    )


async def _played(plan: Plan, stage: Stage) -> list[Record]:
    """Return what clients were told while the nemesis raged and until all was quiet again."""
    over = asyncio.Event()
    nemesis = Nemesis(stage, plan.seed, [fault for fault in plan.faults if fault != CHAIN])
    asyncio.get_running_loop().call_later(plan.seconds, over.set)
    audience = Audience(stage.doors, plan.seed)
    await audience.begin()
    async with Load(stage.doors, plan.seed) as load, hopping(audience):
        async with asyncio.TaskGroup() as acts:
            acts.create_task(load.place_orders(plan.rate, over))
            acts.create_task(nemesis.rage(plan.fault_every_s, over))
            if plan.enough:
                acts.create_task(_until_enough(plan.enough, stage, over))
        await nemesis.rest()
        # What is unheard of or unsettled after that shows as a violation.
        await load.finish(plan.rest_s)
        await come_to_rest(stage.settings, plan.rest_s)
    await audience.catch_up()
    return [*nemesis.injected, *nemesis.fallen, *load.records, *audience.records]


async def _until_enough(
    enough: Callable[[Stage], Awaitable[bool]], stage: Stage, over: asyncio.Event
) -> None:
    while not over.is_set():
        if await enough(stage):
            over.set()
        await pause(over, _LOOK_S)


def keep(result: Result, plan: Plan) -> Path:
    """Save everything that was seen; return where."""
    path = plan.save / "run.jsonl"
    save(path, result.records)
    return path
