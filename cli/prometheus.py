"""Prometheus beside a local stack, where one is installed: it asks every replica."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import httpx
import msgspec

from cli.layout import SERVER_GRACE_S, Layout
from cli.plan import SERVICES, FreePorts, Replica, is_free
from cli.process import Program
from cli.readiness import says_yes

DEFAULT_PORT = 9090
NOT_INSTALLED = (
    "--monitoring: no program `prometheus` is on the PATH, so nothing is recorded "
    "(Debian: apt-get install prometheus); /metrics of every replica can be read all the same"
)

_RULES = Path(__file__).parent.parent / "deploy" / "prometheus" / "rules"
_EVERY_S = 5
_KEEP = "15d"


def find() -> str | None:
    """Return the program's path, or None where it is not installed."""
    return shutil.which("prometheus")


def prometheus(binary: str, layout: Layout, port: int, replicas: Iterable[Replica]) -> Program:
    """Return the Prometheus that asks the replicas and listens on this machine only."""
    config = layout.prometheus / "prometheus.yml"
    config.write_bytes(configuration(replicas))
    return Program(
        name="prometheus",
        argv=(
            binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={layout.prometheus / 'data'}",
            f"--storage.tsdb.retention.time={_KEEP}",
            f"--web.listen-address=127.0.0.1:{port}",
        ),
        env=os.environ,
        pid_file=layout.servers / "prometheus.pid",
        log_file=layout.logs / "prometheus.log",
        grace_s=SERVER_GRACE_S,
    )


def configuration(replicas: Iterable[Replica]) -> bytes:
    """Return what Prometheus is to be told, with a service's name as `job`. JSON is YAML."""
    targets: dict[str, list[str]] = {service: [] for service in SERVICES}
    for replica in replicas:
        targets[replica.service].append(replica.url.removeprefix("http://"))
    return msgspec.json.encode(
        {
            "global": {
                "scrape_interval": f"{_EVERY_S}s",
                "scrape_timeout": f"{_EVERY_S}s",
                "evaluation_interval": f"{_EVERY_S}s",
            },
            "rule_files": [str(_RULES / "*.yml")],
            "scrape_configs": [
                {"job_name": service, "static_configs": [{"targets": addresses}]}
                for service, addresses in targets.items()
            ],
        }
    )


def free_port() -> int:
    """Return the usual port, or another one where it is taken. Raises `Trouble`."""
    return DEFAULT_PORT if is_free("127.0.0.1", DEFAULT_PORT) else FreePorts().take()


async def answers(http: httpx.AsyncClient, url: str) -> bool:
    """Return whether the Prometheus at `url` has loaded its rules and its data."""
    return await says_yes(http, f"{url}/-/ready")
