"""Which objects mean each other, and who may connect to whom."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.deploy.manifests import CONSUMERS, ROOT, SERVICES, Pods, Rendering, selector_of, selects


def test_every_selector_takes_what_it_is_for_and_nothing_else(rendering: Rendering) -> None:
    takes = {
        (thing["kind"], thing["metadata"]["name"]): [
            pods.name for pods in rendering.selected(selector_of(thing))
        ]
        for thing in rendering.of(
            *("Deployment", "StatefulSet", "PodDisruptionBudget", "Service", "PodMonitor")
        )
    }
    expected = {
        (kind, name): [name] for kind in ("Deployment", "PodDisruptionBudget") for name in SERVICES
    } | {("Service", "gateway"): ["gateway"]}
    if rendering.overlay == "local":
        expected |= {
            (kind, name): [name]
            for kind in ("StatefulSet", "Service")
            for name in ("redis", "postgres")
        }
    else:
        expected |= {("PodMonitor", "gateway"): ["gateway"]}

    monitored = takes.pop(("PodMonitor", "consumers"), None)
    assert takes == expected
    assert monitored is None or sorted(monitored) == sorted(CONSUMERS)


@pytest.mark.parametrize("name", SERVICES)
def test_replicas_are_spread_by_their_own_labels(rendering: Rendering, name: str) -> None:
    constraints = rendering.pods_of(name).spec["topologySpreadConstraints"]

    assert {constraint["topologyKey"] for constraint in constraints} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    for constraint in constraints:
        assert [p.name for p in rendering.selected(constraint["labelSelector"])] == [name]


@pytest.mark.parametrize("name", SERVICES)
def test_one_replica_at_a_time_is_evicted(rendering: Rendering, name: str) -> None:
    budget = rendering.named("PodDisruptionBudget", name)["spec"]

    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_services_and_monitors_name_ports_that_their_pods_have(rendering: Rendering) -> None:
    for service in rendering.of("Service"):
        for pods in rendering.selected(selector_of(service)):
            for port in service["spec"]["ports"]:
                pods.port(port["targetPort"])
    for monitor in rendering.of("PodMonitor"):
        for pods in rendering.selected(selector_of(monitor)):
            [endpoint] = monitor["spec"]["podMetricsEndpoints"]
            pods.port(endpoint["port"])
            assert pods.labels[monitor["spec"]["jobLabel"]] == pods.name


def test_what_may_connect_to_what_is_what_must(local: Rendering) -> None:
    redis = {(name, "redis", 6379) for name in SERVICES}
    postgres = {
        (name, "postgres", 5432)
        for name in ("gateway", "router", "executor", "projector", "migrate")
    }

    assert set(local.connections("Egress")) == redis | postgres
    assert set(local.connections("Ingress")) == redis | postgres


def test_in_production_no_pod_connects_to_another_and_all_reach_their_servers(
    production: Rendering,
) -> None:
    assert set(production.connections("Egress")) == set()
    assert set(production.connections("Ingress")) == set()
    for policy, names in {
        "to-redis": set(SERVICES),
        "to-postgres": {"gateway", "router", "executor", "projector", "migrate"},
        "to-names": {*SERVICES, "migrate"},
        "to-nodes": {"gateway", "router", "executor"},
        "from-prometheus": set(SERVICES),
        "from-clients": {"gateway"},
    }.items():
        spec = production.named("NetworkPolicy", policy)["spec"]
        assert {pods.name for pods in production.selected(spec["podSelector"])} == names


def test_prometheus_may_reach_every_port_that_it_scrapes(production: Rendering) -> None:
    [rule] = production.named("NetworkPolicy", "from-prometheus")["spec"]["ingress"]
    let_in = {port["port"] for port in rule["ports"]}
    scraped = {
        endpoint["port"]
        for monitor in production.of("PodMonitor")
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
    }

    assert scraped == let_in


def test_everything_is_denied_that_is_not_allowed(rendering: Rendering) -> None:
    spec = rendering.named("NetworkPolicy", "deny-by-default")["spec"]

    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_addresses_of_local_servers_are_those_of_their_services(local: Rendering) -> None:
    environment = local.environment(local.pods_of("gateway"))
    for variable in ("REDIS_URL", "DATABASE_URL"):
        address = urlsplit(environment[variable])
        [port] = local.named("Service", str(address.hostname))["spec"]["ports"]

        assert address.port == port["port"]
        assert address.password


def test_made_up_passwords_are_kept_once_made(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_text((ROOT / "deploy/k8s/overlays/local/secrets.sh").read_text())
    subprocess.run(["sh", script], check=True)
    made = {path.name: path.read_text() for path in tmp_path.glob("*.env")}
    again = subprocess.run(["sh", script], check=False, capture_output=True)

    assert again.returncode == 1
    assert made == {path.name: path.read_text() for path in tmp_path.glob("*.env")}
    for name in made:
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_selector_with_more_labels_takes_less() -> None:
    pods = Pods("router", {"a": "1", "b": "2"}, {})

    assert selects({"matchLabels": {"a": "1"}}, pods.labels)
    assert not selects({"matchLabels": {"a": "1", "c": "3"}}, pods.labels)
    assert not selects(
        {"matchExpressions": [{"key": "b", "operator": "In", "values": ["3"]}]}, pods.labels
    )
