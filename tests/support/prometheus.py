"""Questions to a real Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


class Prometheus:
    """The one that answers at an address."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=60)

    def close(self) -> None:
        self._http.close()

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the series that an expression has now. Raises for one that cannot be read."""
        answer = self._http.post("/query", data={"query": expr})
        assert answer.is_success, f"{expr}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def up(self) -> dict[str, int]:
        """Return how many replicas of each service answered when they were last asked."""
        counts = self.query("count by (job) (up == 1)")
        return {one["metric"]["job"]: int(one["value"][1]) for one in counts}

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule that is loaded."""
        groups = self._http.get("/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


def panel_queries(dashboard: Path) -> Iterator[tuple[str, str]]:
    """Yield each query of a Grafana dashboard, with its panel's title, as Prometheus takes it."""
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", ()):
            expr = target["expr"].replace("$__rate_interval", "30s")
            yield panel["title"], re.sub(r"\$\w+", ".*", expr)
