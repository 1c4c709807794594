"""Docker and Compose as commands, and one project of its own that leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT, StackSettings
from tests.support.servers import free_port

FILES = ("docker-compose.yml", "tests/compose/ports.yml")
_PORTS = ("GATEWAY_PORT", "PROMETHEUS_PORT", "REDIS_PORT", "POSTGRES_PORT", "DEVCHAIN_PORT")


class CommandFailed(Exception):
    """A command ended with an error, or did not end in time."""


async def output_of(*command: str, env: Mapping[str, str], within_s: float = 120.0) -> str:
    """Return what a command prints. Raises `CommandFailed`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within_s):
            said, complaints = await process.communicate()
    except TimeoutError:
        raise CommandFailed(f"{' '.join(command)}: not within {within_s:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)}: {complaints.decode()[-2_000:]}")
    return said.decode()


class Project:
    """A compose project under a name of its own."""

    def __init__(self, folder: Path) -> None:
        self.name = f"slipstream-test-{os.getpid()}"
        env_file = folder / "env"
        self._wallets = folder / "wallets.toml"
        # As `make compose-env` does it.
        subprocess.run(["sh", "deploy/compose-env.sh", str(env_file)], cwd=ROOT, check=True)
        lines = [line for line in env_file.read_text().splitlines() if "=" in line]
        given = dict(line.split("=", 1) for line in lines if line[0] != "#")
        self.env = {
            **os.environ,
            **{name: value for name, value in given.items() if name.endswith("_PASSWORD")},
            "ENV_FILE": str(env_file),
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_FILE": os.pathsep.join(FILES),
        }
        self.take_ports()
        self._compose = _compose()
        self.env["COMPOSE"] = " ".join(self._compose)  # For deploy/roll.sh.

    def take_ports(self) -> None:
        """Choose ports that are free now, for what is not started yet."""
        self.env |= {name: str(free_port()) for name in _PORTS}

    @property
    def url(self) -> str:
        """Return where the balancer listens."""
        return f"http://127.0.0.1:{self.env['GATEWAY_PORT']}"

    @property
    def prometheus_url(self) -> str:
        """Return where Prometheus listens."""
        return f"http://127.0.0.1:{self.env['PROMETHEUS_PORT']}"

    async def settings(self) -> StackSettings:
        """Return settings that lead to the same servers and wallets as the services' own."""
        env = self.env
        redis = f"redis://:{env['REDIS_PASSWORD']}@127.0.0.1:{env['REDIS_PORT']}/0"
        login = f"slipstream:{env['POSTGRES_PASSWORD']}"
        postgres = f"postgresql://{login}@127.0.0.1:{env['POSTGRES_PORT']}/slipstream"
        self._wallets.write_text(await self.within("executor", "sh", "-c", "cat $WALLETS_FILE"))
        return StackSettings(
            redis_url=redis,
            database_url=postgres,
            chain="devchain",
            rpc_urls=f"http://127.0.0.1:{env['DEVCHAIN_PORT']}",
            wallets_file=str(self._wallets),
        )

    async def compose(self, *arguments: str, within_s: float = 120.0) -> str:
        """Run a command of Compose."""
        return await output_of(*self._compose, *arguments, env=self.env, within_s=within_s)

    async def docker(self, *arguments: str) -> str:
        """Run a command of Docker."""
        return await output_of("docker", *arguments, env=self.env)

    async def within(self, service: str, *command: str) -> str:
        """Run a command in a replica of a service. The first is gone once it was replaced."""
        first, *_ = (await self.compose("ps", "-q", service)).split()
        return await self.docker("exec", first, *command)

    async def scale(self, **replicas: int) -> None:
        """Have so many replicas of services; nothing else is touched."""
        options = [
            word for name, number in replicas.items() for word in ("--scale", f"{name}={number}")
        ]
        await self.compose(
            *("up", "-d", "--no-build", "--no-deps", "--no-recreate"), *options, *replicas
        )

    async def containers(self, *services: str) -> list[dict[str, Any]]:
        """Return all that Docker knows of each running container."""
        ids = (await self.compose("ps", "-q", *services)).split()
        return list(json.loads(await self.docker("inspect", *ids))) if ids else []

    async def roll(self) -> str:
        """Replace every replica of every service, one by one."""
        return await output_of("sh", "deploy/roll.sh", env=self.env, within_s=300)


@asynccontextmanager
async def project_in(folder: Path) -> AsyncIterator[Project]:
    """Yield a project, of which nothing is left afterwards but the image."""
    project = Project(folder)
    try:
        yield project
    finally:
        await project.compose(
            *("--profile", "monitoring", "down", "--volumes", "--remove-orphans", "-t", "10")
        )


def service_of(container: Mapping[str, Any]) -> str:
    """Return which service of the compose file a container belongs to."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def _compose() -> list[str]:
    plugin = ["docker", "compose"]
    asked = subprocess.run([*plugin, "version"], capture_output=True, check=False)
    return plugin if asked.returncode == 0 else ["docker-compose"]
