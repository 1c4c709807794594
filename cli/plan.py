"""What a local stack consists of: which services, how many of each, on which ports."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.console import Trouble
from cli.layout import SERVICE_GRACE_S, Layout
from cli.process import Program, ours
from shared.process.listening import CannotListen, authority, bind

SERVICES = ("gateway", "router", "executor", "notifier", "projector")
DEFAULT_PORT = 8000
SIMULATED, DEVCHAIN = "simulated", "devchain"
CHAINS = (DEVCHAIN, SIMULATED, "devnet", "mainnet")
LOCAL = "127.0.0.1"
_MOST_REPLICAS = 64
# Below the ports that systems hand out for outgoing connections, which could take one any time.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What the user asked for. A server whose URL is given is not embedded."""

    data_dir: Path
    temporary: bool = False
    host: str = LOCAL
    port: int | None = None
    scale: Mapping[str, int] = field(default_factory=dict)
    redis_url: str | None = None
    database_url: str | None = None
    monitoring: bool = False
    chain: str = SIMULATED


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
        host = {"0.0.0.0": LOCAL, "::": "::1"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        return f"http://{authority(host, self.port)}"

    def environment(self) -> dict[str, str]:
        """Return the settings that tell it where to answer."""
        kind = "HTTP" if self.service == "gateway" else "METRICS"
        return {f"{kind}_HOST": self.host, f"{kind}_PORT": str(self.port)}

    def program(self, layout: Layout, env: Mapping[str, str]) -> Program:
        """Return how to start it."""
        return Program(
            name=self.name,
            argv=ours(f"services.{self.service}"),
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


def replicas(options: StackOptions, ports: FreePorts | None = None) -> list[Replica]:
    """Return every process to start, each with a free port, from `ports` if it is not asked for.

    Raises `Trouble` when the host or the port that was asked for cannot be had.
    """
    ports = ports or FreePorts()
    host = _in_digits(options.host)
    first = _first_port(options, host, ports)
    plan = []
    for service in SERVICES:
        place = host if service == "gateway" else LOCAL
        for n in range(1, options.scale.get(service, 1) + 1):
            port = first if (service, n) == ("gateway", 1) else ports.take(place)
            plan.append(Replica(f"{service}-{n}", service, place, port))
    return plan


def _in_digits(host: str) -> str:
    """Return the address that a name stands for: the same for who looks and who listens."""
    try:
        with bind(host, 0) as listener:
            address: str = listener.getsockname()[0]
    except CannotListen as error:
        raise Trouble(f"--host {host} is no address of this machine: {error.reason}.") from error
    if "%" in host:
        raise Trouble(f"--host {host} is an address of one link only, which no URL can name.")
    return address


def _first_port(options: StackOptions, host: str, ports: FreePorts) -> int:
    wanted = options.port or DEFAULT_PORT
    if options.port or not options.temporary:
        if is_free(host, wanted):
            return ports.besides(wanted)
        if options.port:
            raise Trouble(f"Port {wanted} is taken: give another with --port.")
    return ports.take(host)


class FreePorts:
    """Hands out free ports of this machine, none twice."""

    def __init__(self) -> None:
        self._candidates = random.sample(_PORTS, len(_PORTS))

    def besides(self, port: int) -> int:
        """Return `port`, and hand it out to nobody."""
        self._candidates = [other for other in self._candidates if other != port]
        return port

    def take(self, host: str = LOCAL) -> int:
        """Return a port that is free on `host`. Raises `Trouble` when there is none."""
        while self._candidates:
            port = self._candidates.pop()
            if is_free(host, port):
                return port
        raise Trouble("No port of this machine is free.")


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on `port`. Raises `Trouble` where none ever can."""
    try:
        bind(host, port).close()
    except CannotListen as error:
        if error.is_taken:
            return False
        raise Trouble(f"Port {port} cannot be used: {error.reason}. Give another.") from error
    return True


def hold(replica: Replica) -> socket.socket:
    """Keep other stacks off a replica's port until what is returned is closed.

    Two that start at once both find it free, and the later one would take the answers of the other
    one's gateway for its own. Nobody uses UDP, whose port of the same number can stand for it.
    Raises `Trouble`.
    """
    family = socket.AF_INET6 if ":" in replica.host else socket.AF_INET
    claim = socket.socket(family, socket.SOCK_DGRAM)
    try:
        claim.bind((replica.host, replica.port))
    except OSError as error:
        claim.close()
        raise Trouble(f"Port {replica.port} is taken: give another with --port.") from error
    return claim


def environment(redis_url: str, database_url: str) -> dict[str, str]:
    """Return the environment of every service: ours, and where the servers are."""
    env = {**os.environ, "REDIS_URL": redis_url, "DATABASE_URL": database_url}
    env.pop("CONSUMER_NAME", None)  # Replicas must not share one.
    return env
