"""Services as processes of their own, to be paused, killed and looked at from outside."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from shared.settings import ExecutorSettings, GatewaySettings, ProjectorSettings, Settings
from tests.support.eventually import eventually
from tests.support.forked import SERVICES, Forked
from tests.support.servers import free_port

ROOT = Path(__file__).parents[2]
EVERY_SERVICE = SERVICES


class StackSettings(ExecutorSettings, ProjectorSettings, GatewaySettings):
    """What all services together want to know; each reads its own part."""


def environment(settings: Settings, **others: object) -> dict[str, str]:
    """Return the variables that make a service read these settings, or `others` instead."""
    given = settings.model_dump() | others
    return {name.upper(): str(value) for name, value in given.items()}


# A stack's interpreters start all at once, on a machine that may be busy with other tests.
_START_S = 120.0


Start = Callable[[str, Mapping[str, str], Path], Forked | subprocess.Popen[bytes]]


def interpreter(name: str, variables: Mapping[str, str], output: Path) -> subprocess.Popen[bytes]:
    """Run a service with an interpreter of its own, which may find its code elsewhere."""
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", f"services.{name}"],
            cwd=ROOT,
            env=dict(variables),
            stdout=file,
            stderr=subprocess.STDOUT,
        )


class Service:
    """One replica of a service. `consumer` is the name by which its groups know it."""

    def __init__(
        self, name: str, consumer: str, variables: Mapping[str, str], output: Path, start: Start
    ) -> None:
        self.name = name
        self.consumer = consumer
        port = str(free_port())
        self.address = f"127.0.0.1:{port}"
        self._http = httpx.Client(base_url=f"http://{self.address}", timeout=60)
        self._output = output
        own = {"METRICS_PORT": port, "HTTP_PORT": port, "CONSUMER_NAME": consumer}
        self._start = partial(start, name, {"PATH": os.environ["PATH"], **variables, **own}, output)
        self._process = self._start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        return self._output.read_text()

    def answers(self, path: str) -> bool:
        try:
            return self._http.get(path).is_success
        except httpx.TransportError:
            return False

    def said(self, path: str) -> dict[str, Any]:
        """Return what it answers, as JSON; nothing while it does not."""
        try:
            answer: dict[str, Any] = self._http.get(path).json()
        except httpx.TransportError:
            return {}
        return answer

    async def ready(self) -> None:
        def is_ready() -> bool:
            if not self.alive:
                raise RuntimeError(f"{self.consumer} ended: {self.output}")
            return self.answers("/health/ready")

        await eventually(is_ready, within_s=_START_S)

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's value, summed over the labels that are not given."""
        page = self._http.get("/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def start_again(self) -> None:
        """Start it anew where it was, after it has ended."""
        assert not self.alive
        self._process = self._start()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill it for good."""
        self.kill()
        self._http.close()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def terminate(self) -> None:
        self._process.terminate()

    async def exit_code(self) -> int:
        await eventually(lambda: not self.alive)
        return self._process.wait()


class Services:
    """Every process that a test started; none outlives it."""

    def __init__(self, folder: Path, start: Start = Forked) -> None:
        self._folder = folder
        self._start = start
        self._numbers = itertools.count()
        self._started: list[Service] = []

    def launch(self, name: str, variables: Mapping[str, str]) -> Service:
        """Start a service with these variables, and do not wait for it."""
        consumer = f"{name}-{next(self._numbers)}"
        service = Service(name, consumer, variables, self._folder / consumer, self._start)
        self._started.append(service)
        return service

    async def start(self, settings: Settings, *names: str) -> list[Service]:
        """Start services and return once they are ready."""
        variables = environment(settings)
        started = [self.launch(name, variables) for name in names]
        for service in started:
            await service.ready()
        return started

    def end(self) -> None:
        """Kill what is left, and print what each one said: pytest shows it for a failure."""
        for service in self._started:
            service.close()
            print(f"--- {service.consumer}\n{service.output}")  # noqa: T201 - for pytest to keep
