"""What the Prometheus beside a local stack is told."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cli.plan import StackOptions, replicas
from cli.prometheus import configuration


def test_every_replica_is_asked_under_its_services_name() -> None:
    plan = replicas(StackOptions(data_dir=Path("unused"), scale={"executor": 2}))

    told = msgspec.json.decode(configuration(plan))

    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in told["scrape_configs"]}
    assert {name: len(targets) for name, targets in jobs.items()} == {
        **dict.fromkeys(("gateway", "router", "notifier", "projector"), 1),
        "executor": 2,
    }
    assert jobs["executor"] == [f"127.0.0.1:{r.port}" for r in plan if r.service == "executor"]


def test_the_rules_that_it_is_pointed_at_are_there() -> None:
    [pattern] = msgspec.json.decode(configuration([]))["rule_files"]

    assert len(list(Path(pattern).parent.glob(Path(pattern).name))) == 2
