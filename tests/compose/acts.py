"""What is done to the stack while orders flow: replicas come, go, and give way to new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import NamedTuple

from tests.compose.project import Project
from tests.compose.prometheus import Prometheus
from tests.support.eventually import eventually
from tests.support.processes import EVERY_SERVICE

ONE = dict.fromkeys(EVERY_SERVICE, 1)
TWO = dict.fromkeys(EVERY_SERVICE, 2)
MANY = {**TWO, "gateway": 3, "executor": 4}
# There is one of each of these; clients wait while it is away.
SINGLE = ("redis", "postgres", "balancer", "devchain")
_SEEN_S = 90.0


class Act(NamedTuple):
    """What was done. `gateways`: there was always one that could take orders."""

    done: str
    gateways: bool


async def all_acts(project: Project, prometheus: Prometheus) -> AsyncIterator[Act]:
    """Do everything, one after the other, and yield what was done."""
    for replicas in (MANY, ONE, TWO):
        await project.scale(**replicas)
        await seen(prometheus, replicas)
        # A machine that starts ten containers at once may starve the gateway it has.
        yield Act(f"scaled to {_words(replicas)}; Prometheus asks each of them", gateways=False)
    rolled = await project.roll()
    await seen(prometheus, TWO)
    yield Act(f"replaced {len(rolled.splitlines())} replicas one by one", gateways=True)
    for name in SINGLE:
        await project.compose("restart", name)
        await _well(project, name)
        yield Act(f"restarted {name}", gateways=False)


async def seen(prometheus: Prometheus, replicas: dict[str, int]) -> None:
    """Wait until Prometheus asks exactly these replicas, and each answers."""

    async def all_up() -> bool:
        found = await prometheus.replicas()
        assert found == Counter(replicas), f"Prometheus asks {dict(found)}"
        return True

    await eventually(all_up, within_s=_SEEN_S, every_s=0.5)


async def _well(project: Project, name: str) -> None:
    async def is_well() -> bool:
        [container] = await project.containers(name)
        state = container["State"]
        return bool(state["Running"] and state.get("Health", {}).get("Status") != "starting")

    await eventually(is_well, within_s=_SEEN_S, every_s=0.5)


def _words(replicas: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in replicas.items())
