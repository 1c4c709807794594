"""The alerts: each fires when it should, and says what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.pages import anchors
from tests.support.programs import promtool
from tools.docs import ROOT
from tools.metrics_page import every_metric, exposed_name

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted(PROMETHEUS.glob("rules/*.yml"))
TESTS = sorted(PROMETHEUS.glob("tests/*.yml"))
_NAMES = {exposed_name(metric) for metric in every_metric()}
# What Prometheus and its client library say themselves.
_OTHERS = {"up", "process_start_time_seconds"}


def rules_of(*paths: Path) -> list[dict[str, Any]]:
    return [
        rule
        for path in paths
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


ALERTS = {rule["alert"]: rule for rule in rules_of(*RULES) if "alert" in rule}
RECORDED = {rule["record"] for rule in rules_of(*RULES) if "record" in rule}


def run_promtool(*words: str | Path) -> None:
    done = subprocess.run([promtool(), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_can_be_loaded() -> None:
    run_promtool("check", "rules", *RULES)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    run_promtool("test", "rules", path)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_shown_to_be_silent_and_to_fire(name: str) -> None:
    tests = yaml.safe_load((PROMETHEUS / "tests" / "alerts.yml").read_text())["tests"]
    shown = [
        bool(question["exp_samples"])
        for test in tests
        for question in test["promql_expr_test"]
        if f'alertname="{name}"' in question["expr"]
    ]

    assert shown == [False, True]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_and_where_to_read_what_to_do(name: str) -> None:
    page, _, anchor = ALERTS[name]["annotations"]["runbook_url"].partition("#")

    assert ALERTS[name]["labels"]["severity"] in ("page", "ticket")
    assert ALERTS[name]["annotations"]["summary"]
    assert anchor == name.lower()
    assert anchor in anchors(ROOT / page)


def test_the_page_explains_no_alert_that_is_gone() -> None:
    text = (ROOT / "docs" / "operations" / "watch.md").read_text()

    assert set(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == ALERTS.keys()


@pytest.mark.parametrize("path", [*RULES, *TESTS], ids=lambda path: path.name)
def test_rules_name_only_metrics_that_there_are(path: Path) -> None:
    named = set(re.findall(r"(?<![:\w])(?:slipstream|process)_\w+(?![:\w])", path.read_text()))
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}
    recorded = set(re.findall(r"\w+:\w+:\w+", path.read_text()))

    assert plain <= _NAMES | _OTHERS
    assert recorded <= RECORDED
