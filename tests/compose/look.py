"""Check how the containers run, by what Docker says of them: what is confined, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.settings import ConsumerSettings
from tests.compose.project import Project, service_of
from tests.compose.stops import ONE_SHOT
from tests.support.processes import EVERY_SERVICE

_KEYS, _KEEPERS = "/var/lib/slipstream/keys", ("wallet", "executor")
_BUILD_TOOLS = ("pip", "pip3", "uv", "gcc", "cc", "make")


async def image_faults(project: Project) -> list[str]:
    """Return what is wrong with the image: tools that it should not have, or a user too many."""
    look = f"id -u; for tool in {' '.join(_BUILD_TOOLS)}; do command -v $tool; done; true"
    user, *tools = (
        await project.docker("run", "--rm", "--read-only", "slipstream", "sh", "-c", look)
    ).split()
    return [
        *(["the image runs as root"] if user == "0" else []),
        *(f"the image has {tool}" for tool in tools),
    ]


def confinement_faults(containers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is too wide open, or has no limit."""
    for container in containers:
        service, host = service_of(container), container["HostConfig"]
        ports = [port for bound in (host["PortBindings"] or {}).values() for port in bound]
        wrong = {
            "is published beyond 127.0.0.1": any(p["HostIp"] != "127.0.0.1" for p in ports),
            "may write its root filesystem": not host["ReadonlyRootfs"],
            "keeps capabilities": host["CapDrop"] != ["ALL"],
            "may gain privileges": "no-new-privileges:true" not in (host["SecurityOpt"] or []),
            "has no limit of memory": not host["Memory"],
            "has no limit of CPU": not host["NanoCpus"],
            "has no limit of processes": not host["PidsLimit"],
            "is not restarted": host["RestartPolicy"]["Name"] != "unless-stopped"
            and service not in ONE_SHOT,
            "sees keys of wallets": service not in _KEEPERS
            and any(mount["Destination"] == _KEYS for mount in container["Mounts"]),
            "logs without end": "max-size" not in host["LogConfig"]["Config"],
        }
        if service in EVERY_SERVICE:
            drain_s = ConsumerSettings.model_fields["drain_s"].default
            wrong["has less grace than it drains"] = container["Config"]["StopTimeout"] <= drain_s
            wrong["runs as root"] = container["Config"]["User"] in ("", "0", "root")
        yield from (f"{service} {what}" for what, is_so in wrong.items() if is_so)


def grace_of(containers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return each service's grace period in seconds."""
    return {service_of(each): float(each["Config"]["StopTimeout"]) for each in containers}
