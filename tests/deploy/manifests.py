"""The Kubernetes manifests as a cluster would get them, and how its parts see each other."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.settings import (
    ConsumerSettings,
    ExecutorSettings,
    GatewaySettings,
    ProjectorSettings,
    Settings,
    VenueSettings,
)
from tests.support.programs import needed

ROOT = Path(__file__).parent.parent.parent
OVERLAYS = ("local", "production")
CONSUMERS = ("router", "executor", "notifier", "projector")
SERVICES = ("gateway", *CONSUMERS)

Manifest = Mapping[str, Any]

# Examples of the Secrets that somebody else brings to production.
_BROUGHT = {
    "slipstream-servers": {
        "REDIS_URL": "rediss://redis.example.com:6379/0",
        "DATABASE_URL": "postgresql://postgres.example.com/slipstream",
    },
    "slipstream-chain": {"CHAIN": "mainnet", "RPC_URLS": "https://rpc.example.com/?api-key=key"},
}

READS: Mapping[str, type[Settings]] = {
    "gateway": GatewaySettings,
    "router": VenueSettings,
    "executor": ExecutorSettings,
    "notifier": ConsumerSettings,
    "projector": ProjectorSettings,
}


def render(overlay: str, folder: Path) -> Rendering:
    """Return what an overlay comes to, with passwords made up as its users make them up."""
    copied = folder / "k8s"
    kept = shutil.ignore_patterns("servers.env", "passwords.env")
    shutil.copytree(ROOT / "deploy/k8s", copied, ignore=kept)
    subprocess.run(["sh", copied / "overlays/local/secrets.sh"], check=True)
    program = needed("kubectl", "kustomize", how="kubernetes.io, Install Tools", in_ci=True)
    verb = "kustomize" if Path(program).name == "kubectl" else "build"
    made = subprocess.run(
        [program, verb, copied / "overlays" / overlay], check=True, capture_output=True, text=True
    )
    assert made.stderr == ""
    return Rendering(overlay, tuple(yaml.safe_load_all(made.stdout)))


@dataclass(frozen=True)
class Pods:
    """What a Deployment, StatefulSet or Job starts."""

    name: str
    labels: Mapping[str, str]
    spec: Manifest

    @property
    def container(self) -> Any:
        """Return its only container."""
        [container] = self.spec["containers"]
        return container

    @property
    def every_container(self) -> list[Any]:
        """Return also those that come before it."""
        return [*self.spec.get("initContainers", ()), self.container]

    @property
    def is_ours(self) -> bool:
        """Return whether it runs Slipstream itself, and not a server."""
        return bool(self.container["name"] == "slipstream")

    def port(self, port: str | int) -> int:
        """Return a port's number, given that or its name. Raises `KeyError`."""
        declared = {p["name"]: p["containerPort"] for p in self.container.get("ports", ())}
        number: int = declared[port] if isinstance(port, str) else port
        return number


@dataclass(frozen=True)
class Rendering:
    """Every object of an overlay."""

    overlay: str
    objects: tuple[Manifest, ...]

    def of(self, *kinds: str) -> list[Manifest]:
        """Return the objects of these kinds."""
        return [thing for thing in self.objects if thing["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        """Return an object, whose name may go on with a digest of what it holds."""
        [found] = [
            thing
            for thing in self.of(kind)
            if thing["metadata"]["name"].rsplit("-", 1)[0] == name
            or thing["metadata"]["name"] == name
        ]
        return found

    def pods(self) -> list[Pods]:
        """Return everything that starts pods."""
        found = []
        for thing in self.of("Deployment", "StatefulSet", "Job"):
            template = thing["spec"]["template"]
            labels = template["metadata"]["labels"]
            found.append(Pods(thing["metadata"]["name"], labels, template["spec"]))
        return found

    def pods_of(self, name: str) -> Pods:
        """Return what starts the pods of this name."""
        [found] = [pods for pods in self.pods() if pods.name == name]
        return found

    def selected(self, selector: Manifest) -> list[Pods]:
        """Return whose pods a label selector takes."""
        return [pods for pods in self.pods() if selects(selector, pods.labels)]

    def environment(self, pods: Pods) -> dict[str, str]:
        """Return what a container is told. Secrets that somebody else brings get an example."""
        told: dict[str, str] = {}
        for source in pods.container["envFrom"]:
            if reference := source.get("configMapRef"):
                told |= self.named("ConfigMap", reference["name"])["data"]
            elif self.overlay == "production":
                told |= _BROUGHT.get(source["secretRef"]["name"], {})
            elif not source["secretRef"].get("optional"):
                told |= _decoded(self.named("Secret", source["secretRef"]["name"]))
        return told | {one["name"]: one["value"] for one in pods.container.get("env", ())}

    def named(self, kind: str, name: str) -> Manifest:
        """Return the object of exactly this name."""
        [found] = [thing for thing in self.of(kind) if thing["metadata"]["name"] == name]
        return found

    def connections(self, direction: str) -> Iterator[tuple[str, str, int]]:
        """Yield who may connect to whom, and to which port, as one of the two sides sees it."""
        for source in self.pods():
            for target in self.pods():
                for port in target.container.get("ports", ()):
                    number = port["containerPort"]
                    sides = (source, target) if direction == "Egress" else (target, source)
                    if self._lets(direction, *sides, number):
                        yield source.name, target.name, number

    def _lets(self, direction: str, held: Pods, other: Pods, port: int) -> bool:
        at_work = [
            policy["spec"]
            for policy in self.of("NetworkPolicy")
            if direction in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"], held.labels)
        ]
        owner = other if direction == "Egress" else held
        peers = "to" if direction == "Egress" else "from"
        return not at_work or any(
            _meets(rule[peers], other) and port in _ports(rule, owner)
            for spec in at_work
            for rule in spec.get(direction.lower(), ())
        )


def settings_of(rendering: Rendering, name: str) -> Settings:
    """Return the settings that a service reads in its container."""
    return READS[name].from_env(rendering.environment(rendering.pods_of(name)))


def selector_of(thing: Manifest) -> Manifest:
    """Return the label selector of an object; that of a Service is written more shortly."""
    selector: Manifest = thing["spec"]["selector"]
    return {"matchLabels": selector} if thing["kind"] == "Service" else selector


def selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector takes these labels."""
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In", "the only one that is used"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def _meets(peers: Iterable[Manifest], pods: Pods) -> bool:
    # Blocks and other namespaces are not where these pods are.
    return any(
        "podSelector" in peer
        and "namespaceSelector" not in peer
        and selects(peer["podSelector"], pods.labels)
        for peer in peers
    )


def _ports(rule: Manifest, owner: Pods) -> set[int]:
    found = set()
    for port in rule["ports"]:
        try:
            found.add(owner.port(port["port"]))
        except KeyError:
            continue  # Another of the pods that the rule is about has this port.
    return found


def _decoded(secret: Manifest) -> dict[str, str]:
    return {name: b64decode(value).decode() for name, value in secret["data"].items()}
