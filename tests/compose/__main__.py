"""`make test-compose`: needs Docker and Compose; ends with 0 when everything held."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import monotonic

from rich.console import Console

from cli.demo.checks import check
from cli.demo.readback import read_back
from slipstream import AsyncClient
from tests.chaos import orders as archive_checks
from tests.chaos.evidence import come_to_rest, evidence
from tests.chaos.run import run_of
from tests.compose.acts import ONE, all_acts, seen
from tests.compose.clients import PATIENCE_S, Clients
from tests.compose.look import confinement_faults, grace_of, image_faults
from tests.compose.project import CommandFailed, Project, project_in
from tests.compose.prometheus import RULES, Prometheus
from tests.compose.stops import ONE_SHOT, Stop, faults, stops_in, watched
from tests.support.eventually import eventually

_RATE = 8.0  # Orders a second: enough that something is always under way.
_REST_S = 60.0
_LONGEST_S = 540.0
_SHOWN = 10
_NO_GATEWAY = "No gateway answers; nothing was written"  # As deploy/haproxy/haproxy.cfg says it.

out = Console(soft_wrap=True, highlight=False, markup=False)


def main() -> int:
    """Return 0 when everything held, else 1."""
    with tempfile.TemporaryDirectory(prefix="slipstream-compose-") as folder:
        try:
            wrong = asyncio.run(_run(Path(folder)))
        except CommandFailed as failed:
            wrong = [str(failed)]
        except TimeoutError:
            wrong = [f"not done within {_LONGEST_S:g} s"]
    for line in wrong[:_SHOWN]:
        out.print(f"wrong     {line}")
    out.print(f"compose: {len(wrong)} wrong" if wrong else "compose: all is well")
    return int(bool(wrong))


async def _run(folder: Path) -> list[str]:
    async with project_in(folder) as project, asyncio.timeout(_LONGEST_S):
        wrong = await _built(project)
        async with watched(project) as events:
            containers = await _started(project)
            grace_s = grace_of(containers)
            wrong += confinement_faults(containers)
            wrong += await _used(project)
            await project.compose("--profile", "monitoring", "stop")
        stops = list(stops_in(events))
        _show_stops(stops, grace_s)
        return [*wrong, *faults(stops, grace_s)]


async def _built(project: Project) -> list[str]:
    started = monotonic()
    await project.compose("build", within_s=300)
    _say("built", f"the image, {await _size(project)}", started)
    return await image_faults(project)


async def _size(project: Project) -> str:
    below = project.env.get("PYTHON_IMAGE", "python:3.13-slim")
    base, whole = [
        int(await project.docker("image", "inspect", "-f", "{{.Size}}", image))
        for image in (below, "slipstream")
    ]
    return f"{(whole - base) / 1e6:.0f} MB on top of {below}"


async def _started(project: Project) -> list[dict[str, object]]:
    started = monotonic()
    project.take_ports()  # The build took its time, and others may have taken the old ones.
    # Grafana is left out: nothing here depends on it.
    await project.compose("up", "-d", "--no-build", within_s=180)
    await project.compose("up", "-d", "--no-build", "--no-deps", "prometheus")
    async with AsyncClient(project.url) as client:
        await eventually(client.ready, within_s=60)
    containers = await project.containers()
    _say("started", f"{len(containers)} containers, and the gateway is ready", started)
    return containers


async def _used(project: Project) -> list[str]:
    """Use the stack while it is scaled and restarted; return what was wrong."""
    prometheus = Prometheus(project)
    try:
        await seen(prometheus, ONE)
        async with AsyncClient(project.url, retry_for_s=PATIENCE_S) as client:
            clients = Clients(client)
            wrong = await _loaded(project, prometheus, clients)
        return [*wrong, *await _rules_faults(prometheus), *await _order_faults(project, clients)]
    finally:
        await prometheus.close()


async def _loaded(project: Project, prometheus: Prometheus, clients: Clients) -> list[str]:
    """Do every act while orders flow; return when the balancer had none to send clients to."""
    over = asyncio.Event()
    wrong = []
    async with asyncio.TaskGroup() as group:
        group.create_task(clients.place_orders(_RATE, over))
        try:
            started = monotonic()
            async for act in all_acts(project, prometheus):
                _say("ok", act.done, started)
                lost = clients.lost_lately()
                for why, times in lost.most_common(_SHOWN):
                    out.print(f"          resumed {times} times: {why}")
                if act.gateways and _NO_GATEWAY in lost:
                    wrong.append(f"{_NO_GATEWAY} ({lost[_NO_GATEWAY]} times), and there were some")
                started = monotonic()
            wrong += await _panel_faults(prometheus)
        finally:
            over.set()
    return wrong


async def _panel_faults(prometheus: Prometheus) -> list[str]:
    queries, empty = await prometheus.panels()
    out.print(f"{'ok':<9} {queries} queries of the dashboards answer, {len(empty)} without data")
    return [f"the panel {title!r} shows nothing" for title in empty]


async def _order_faults(project: Project, clients: Clients) -> list[str]:
    """Return what clients should not have seen, and what the servers should not hold."""
    settings = await project.settings()
    await come_to_rest(settings, _REST_S)
    journeys = clients.journeys
    placed = [journey.order_id for journey in journeys if journey.order_id]
    found = await read_back(settings, placed)
    checks = check(journeys, found, all_confirmed=True)
    for one in checks:
        out.print(f"{'ok' if one.holds else 'broken':<9} {one.claim}")
    out.print(f"orders    {len(journeys)}, each over a WebSocket; {clients.resumed} were resumed")
    run = run_of(await evidence(settings))
    broken = [violation for judge in archive_checks.CHECKS for violation in judge(run)]
    return [
        *(f"{journey.order_id}: {journey.problem}" for journey in journeys if journey.problem),
        *(f"{one.claim}: {order_id}" for one in checks for order_id in one.broken),
        *(f"{one.promise}: {one.order_id}: {one.detail}" for one in broken),
        *await _funds_faults(project),
        *([] if clients.resumed else ["no connection was ever lost: nothing was shown"]),
    ]


async def _funds_faults(project: Project) -> list[str]:
    try:
        # Inside, as the docs tell to do it; the read-back came by the port on loopback.
        out.print(await project.within("executor", "slipstream", "audit", "funds"), end="")
    except CommandFailed as failed:
        return [f"the funds do not add up: {failed}"]
    return []


async def _rules_faults(prometheus: Prometheus) -> list[str]:
    wanted = {path.name for path in RULES.glob("*.yml")}
    loaded, failing = await prometheus.rules()
    out.print(f"{'ok':<9} Prometheus evaluates {loaded.total()} rules of {len(loaded)} files")
    return [
        *(f"Prometheus has not loaded {name}" for name in wanted ^ loaded.keys()),
        *(f"the rule {name} cannot be evaluated" for name in failing),
    ]


def _show_stops(stops: Iterable[Stop], grace_s: Mapping[str, float]) -> None:
    by_service: dict[str, list[float]] = defaultdict(list)
    for stop in stops:
        if stop.service in ONE_SHOT:
            continue
        by_service[stop.service].append(stop.seconds or 0.0)
    for service, seconds in sorted(by_service.items()):
        out.print(
            f"stops     {service}: {len(seconds)}, the slowest in {max(seconds):.1f} s"
            f" of {grace_s[service]:g} s"
        )


def _say(word: str, what: str, started: float) -> None:
    out.print(f"{word:<9} {what} ({monotonic() - started:.0f} s)")


if __name__ == "__main__":
    sys.exit(main())
