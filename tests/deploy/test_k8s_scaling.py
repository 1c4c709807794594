"""How many replicas there are, and by what."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from shared.observability import metrics
from shared.settings import ConsumerSettings
from tests.deploy.manifests import CONSUMERS, SERVICES, Manifest, Rendering, settings_of
from tests.support.programs import promtool


def scaler(rendering: Rendering, name: str) -> Manifest:
    spec: Manifest = rendering.named("ScaledObject", name)["spec"]
    return spec


def trigger(rendering: Rendering, name: str) -> Manifest:
    [only] = scaler(rendering, name)["triggers"]
    found: Manifest = only["metadata"]
    return found


def test_each_service_is_scaled_by_one_who_is_alone_in_it(production: Rendering) -> None:
    scaled = {
        thing["metadata"]["name"]: thing["spec"]["scaleTargetRef"]["name"]
        for thing in production.of("ScaledObject", "HorizontalPodAutoscaler")
    }

    assert scaled == {name: name for name in SERVICES}
    for deployment in production.of("Deployment"):
        assert "replicas" not in deployment["spec"], "an apply would undo the scaling"


@pytest.mark.parametrize("name", CONSUMERS)
def test_consumers_are_scaled_on_their_own_backlog_and_never_to_none(
    production: Rendering, name: str
) -> None:
    asked, settings = trigger(production, name), settings_of(production, name)
    assert isinstance(settings, ConsumerSettings)
    known = {family.name for family in REGISTRY.collect()}

    assert (
        known
        >= set(re.findall(r"slipstream_\w+", asked["query"]))
        == {
            "slipstream_lag_entries",
            "slipstream_pending_entries",
            "slipstream_parked_orders",
        }
    )
    assert set(re.findall(r'group="(\w+)"', asked["query"])) == {name}
    assert set(re.findall(r'namespace="(\w+)"', asked["query"])) == {"slipstream"}
    assert asked["ignoreNullValues"] == "false"
    assert scaler(production, name)["minReplicaCount"] >= 2
    assert "idleReplicaCount" not in scaler(production, name)
    behaviour = scaler(production, name)["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    longest_backoff_s = settings.backoff_cap_ms * 1.25 / 1_000
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] > longest_backoff_s


def test_labels_of_the_backlog_are_those_that_queries_take_the_greatest_by() -> None:
    for metric in (metrics.LAG, metrics.PENDING, metrics.PARKED):
        assert set(metric._labelnames) <= {"group", "partition", "state"}


def test_every_replica_tells_of_the_same_backlog_and_it_counts_once(
    production: Rendering, tmp_path: Path
) -> None:
    # Two replicas, two partitions; as they are never asked at once, they may differ a little.
    series = [
        ("lag_entries", {"partition": "00"}, (300, 290)),
        ("lag_entries", {"partition": "01"}, (100, 100)),
        ("pending_entries", {"partition": "00", "state": "in_flight"}, (40, 40)),
        ("pending_entries", {"partition": "00", "state": "retry"}, (7, 7)),
        ("pending_entries", {"partition": "01", "state": "in_flight"}, (20, 20)),
        ("parked_orders", {"partition": "00"}, (3, 3)),
        ("parked_orders", {"partition": "01"}, (0, 0)),
    ]
    check = {
        "interval": "15s",
        "input_series": [
            {
                "series": sample(name, labels | {"group": group, "pod": f"{group}-{pod}"}),
                "values": f"{value}x4",
            }
            for group in ("router", "executor")
            for name, labels, values in series
            for pod, value in enumerate(values)
        ],
        "promql_expr_test": [
            {
                "expr": trigger(production, "router")["query"],
                "eval_time": "1m",
                "exp_samples": [{"labels": "{}", "value": 300 + 100 + 40 + 7 + 20 + 3}],
            },
            # Of a group that nobody tells about, nothing is known: not that nothing waits.
            {
                "expr": trigger(production, "notifier")["query"],
                "eval_time": "1m",
                "exp_samples": [],
            },
        ],
    }
    run_promtool({"rule_files": [], "tests": [check]}, tmp_path)


def sample(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f'{k}="{v}"' for k, v in ({"namespace": "slipstream"} | labels).items())
    return f"slipstream_{name}{{{told}}}"


def run_promtool(tests: Manifest, folder: Path) -> None:
    path = folder / "tests.yml"
    path.write_text(json.dumps(tests))  # JSON is YAML.
    done = subprocess.run(
        [promtool(), "test", "rules", path], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
