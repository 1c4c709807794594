"""CPU seconds and memory of processes and their children, as /proc tells them. Linux only."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Used:
    """What was used between two looks: seconds of wall time, CPU seconds by name of the process.

    `foreign_s` is what the rest of the machine used, and `steal_s` what its host took.
    """

    wall_s: float
    cpu_s: dict[str, float]
    foreign_s: float
    steal_s: float


class Meter:
    """Counts what processes use from now on, each with all of its descendants."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._began = monotonic()
        self._busy, self._steal = machine_s()
        self._before = cpu_s(self._pids)

    def read(self, **beside: float) -> Used:
        """Return what was used since. `beside` is CPU time of others that is not foreign."""
        now = cpu_s(self._pids)
        # A process that was started again would count from zero.
        cpu = {name: max(0.0, now[name] - self._before[name]) for name in now} | beside
        busy, steal = machine_s()
        return Used(
            wall_s=monotonic() - self._began,
            cpu_s=cpu,
            foreign_s=max(0.0, busy - self._busy - sum(cpu.values())),
            steal_s=steal - self._steal,
        )


def cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds that each process and its descendants, also dead ones, have used."""
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (found := _stat(int(entry.name))):
            parent, used = found
            children[parent].append(int(entry.name))
            ticks[int(entry.name)] = used
    return {name: _sum(pid, children, ticks) * _TICK_S for name, pid in pids.items()}


def machine_s() -> tuple[float, float]:
    """Return the CPU seconds that the machine has been busy, and those its host has taken."""
    with (_PROC / "stat").open() as file:
        values = [int(word) for word in file.readline().split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = values[:8]
    return (user + nice + system + irq + softirq) * _TICK_S, steal * _TICK_S


def rss_mb(pid: int) -> float:
    """Return the memory of a process that lies in RAM, in MB, without its children."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1_024
    return 0.0


def family(pid: int) -> list[int]:
    """Return a process and all of its descendants, parents first."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (found := _stat(int(entry.name))):
            children[found[0]].append(int(entry.name))
    members = [pid]
    for member in members:
        members.extend(children[member])
    return members


def _sum(pid: int, children: Mapping[int, list[int]], ticks: Mapping[int, int]) -> int:
    return ticks.get(pid, 0) + sum(_sum(c, children, ticks) for c in children.get(pid, ()))


def _stat(pid: int) -> tuple[int, int] | None:
    """Return the parent, and the ticks used by it and its children that have been waited for."""
    with suppress(OSError):
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return int(fields[1]), sum(int(field) for field in fields[11:15])
    return None
