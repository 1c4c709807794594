"""What a local stack consists of: which services, how many of each, on which ports."""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.console import Trouble
from cli.layout import SERVICE_GRACE_S, Layout
from cli.process import Program

SERVICES = ("gateway", "router", "executor", "notifier", "projector")
DEFAULT_PORT = 8000
_MOST_REPLICAS = 64
# Below the ports that systems hand out for outgoing connections, which could take one any time.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What the user asked for. A server whose URL is given is not embedded."""

    data_dir: Path
    temporary: bool = False
    host: str = "127.0.0.1"
    port: int | None = None
    scale: Mapping[str, int] = field(default_factory=dict)
    redis_url: str | None = None
    database_url: str | None = None
    monitoring: bool = False


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a service, and where it answers."""

    name: str
    service: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """Return its address for a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        return f"http://{host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the settings that tell it where to answer."""
        kind = "HTTP" if self.service == "gateway" else "METRICS"
        return {f"{kind}_HOST": self.host, f"{kind}_PORT": str(self.port)}

    def program(self, layout: Layout, env: Mapping[str, str]) -> Program:
        """Return how to start it."""
        return Program(
            name=self.name,
            # -P: a directory `services` where the user stands must not be taken for ours.
            argv=(sys.executable, "-P", "-m", f"services.{self.service}"),
            env={**env, **self.environment()},
            pid_file=layout.services / f"{self.name}.pid",
            log_file=layout.logs / f"{self.name}.log",
            grace_s=SERVICE_GRACE_S,
        )


def parse_scale(words: Iterable[str]) -> dict[str, int]:
    """Return how many replicas `SERVICE=N` words ask for. Raises `ValueError` that says why not."""
    scale = {}
    for word in words:
        service, _, number = word.partition("=")
        if service not in SERVICES:
            raise ValueError(f"{service!r} is no service; there are {', '.join(SERVICES)}")
        if not number.isdecimal() or not 1 <= int(number) <= _MOST_REPLICAS:
            raise ValueError(f"{word!r} must be {service}=N with N from 1 to {_MOST_REPLICAS}")
        scale[service] = int(number)
    return scale


def replicas(options: StackOptions) -> list[Replica]:
    """Return every process to start, each with a free port.

    Raises `Trouble` when the port that was asked for is taken.
    """
    ports = FreePorts()
    return [
        Replica(
            name=f"{service}-{n}",
            service=service,
            host=options.host if service == "gateway" else "127.0.0.1",
            port=_port(options, ports, first_gateway=(service, n) == ("gateway", 1)),
        )
        for service in SERVICES
        for n in range(1, options.scale.get(service, 1) + 1)
    ]


def _port(options: StackOptions, ports: FreePorts, *, first_gateway: bool) -> int:
    if not first_gateway:
        return ports.take()
    if options.port and not is_free(options.host, options.port):
        raise Trouble(f"Port {options.port} is taken: give another with --port.")
    if options.port:
        return options.port
    wanted = not options.temporary and is_free(options.host, DEFAULT_PORT)
    return DEFAULT_PORT if wanted else ports.take()


class FreePorts:
    """Hands out free ports of this machine, none twice."""

    def __init__(self) -> None:
        self._candidates = random.sample(_PORTS, len(_PORTS))

    def take(self) -> int:
        """Return a free port. Raises `Trouble` when there is none."""
        while self._candidates:
            port = self._candidates.pop()
            if is_free("127.0.0.1", port):
                return port
        raise Trouble("No port of this machine is free.")


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on `port`. Raises `Trouble` for an unknown host."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise Trouble(f"--host {host} is no address of this machine: {error}") from error
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def environment(redis_url: str, database_url: str) -> dict[str, str]:
    """Return the environment of every service: ours, and where the servers are."""
    env = {**os.environ, "REDIS_URL": redis_url, "DATABASE_URL": database_url}
    env.pop("CONSUMER_NAME", None)  # Replicas must not share one.
    return env
