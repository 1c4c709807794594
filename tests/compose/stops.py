"""Every end of a container: who asked for it, how long it took, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.compose.project import Project

_KILL = "9"
ONE_SHOT = frozenset({"wallet"})  # Services that end once they have done their work.
_NS = 1e9


class Event(NamedTuple):
    """What Docker tells: `kill` (a signal was sent), `die` or `oom`. Time in seconds."""

    what: str
    container: str
    service: str
    at_s: float
    detail: str  # The signal, or the exit code.


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One container's end. `seconds` is from the first signal, None if there was none."""

    service: str
    seconds: float | None
    killed: bool
    code: int


def event_of(line: str | bytes) -> Event:
    """Return the event that a line of `docker events --format {{json .}}` tells."""
    told: Mapping[str, Any] = json.loads(line)
    attributes = told["Actor"]["Attributes"]
    return Event(
        told["Action"],
        told["Actor"]["ID"],
        attributes["com.docker.compose.service"],
        told["timeNano"] / _NS,
        attributes.get("signal") or attributes.get("exitCode") or "",
    )


def stops_in(events: Iterable[Event]) -> Iterator[Stop]:
    """Yield every end of a container that the events tell of."""
    signals: dict[str, list[Event]] = {}
    for event in events:
        if event.what == "kill":
            signals.setdefault(event.container, []).append(event)
        elif event.what == "die":
            sent = signals.pop(event.container, [])
            yield Stop(
                service=event.service,
                seconds=event.at_s - sent[0].at_s if sent else None,
                killed=_KILL in [signal.detail for signal in sent],
                code=int(event.detail),
            )


def faults(stops: Iterable[Stop], grace_s: Mapping[str, float]) -> Iterator[str]:
    """Yield what is wrong with the ends: unasked for, too slow, or with an error."""
    for stop in stops:
        if stop.service in ONE_SHOT and not stop.code:
            continue
        if stop.seconds is None:
            yield f"{stop.service} ended by itself, with {stop.code}"
        elif stop.killed or stop.seconds >= grace_s[stop.service]:
            grace = f"its grace period is {grace_s[stop.service]:g} s"
            yield f"{stop.service} took {stop.seconds:.1f} s to stop; {grace}"
        elif stop.code:
            yield f"{stop.service} was asked to stop and ended with {stop.code}"


@contextlib.asynccontextmanager
async def watched(project: Project) -> AsyncIterator[list[Event]]:
    """Yield a list that has every event of the project once the context has ended."""
    events: list[Event] = []
    process = await asyncio.create_subprocess_exec(
        *("docker", "events", "--format", "{{json .}}"),
        *("--filter", f"label=com.docker.compose.project={project.name}"),
        *("--filter", "event=kill", "--filter", "event=die"),
        stdout=asyncio.subprocess.PIPE,
        env=project.env,
    )

    async def listen() -> None:
        assert process.stdout  # It is a pipe.
        events.extend([event_of(line) async for line in process.stdout])

    listening = asyncio.create_task(listen())
    try:
        yield events
    finally:
        process.terminate()
        await process.wait()
        await listening
