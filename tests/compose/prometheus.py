"""What the stack's own Prometheus sees and has loaded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.compose.project import Project
from tests.support.processes import EVERY_SERVICE, ROOT
from tests.support.prometheus import panel_queries

RULES = ROOT / "deploy" / "prometheus" / "rules"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))


class Prometheus:
    """Asks the Prometheus of a project."""

    def __init__(self, project: Project) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{project.prometheus_url}/api/v1", trust_env=False, timeout=5
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def replicas(self) -> Counter[str]:
        """Return how many replicas of each service were asked and answered the last time."""
        targets = (await self._data("/targets"))["activeTargets"]
        return Counter(
            target["labels"]["job"]
            for target in targets
            if target["health"] == "up" and target["labels"]["job"] in EVERY_SERVICE
        )

    async def rules(self) -> tuple[Counter[str], list[str]]:
        """Return how many rules each loaded file has, and the names of those that do not work."""
        groups = (await self._data("/rules"))["groups"]
        loaded = Counter({Path(group["file"]).name: 0 for group in groups})
        for group in groups:
            loaded[Path(group["file"]).name] += len(group["rules"])
        rules = [rule for group in groups for rule in group["rules"]]
        return loaded, [rule["name"] for rule in rules if rule["health"] == "err"]

    async def panels(self) -> tuple[int, list[str]]:
        """Return how many queries the dashboards have, and the titles of those without data.

        Raises `httpx.HTTPStatusError` for a query that cannot be read.
        """
        queries = [query for path in DASHBOARDS for query in panel_queries(path)]
        empty = [
            title
            for title, expr in queries
            if not (await self._data("/query", query=expr))["result"]
        ]
        return len(queries), empty

    async def _data(self, path: str, **asked: str) -> Any:
        answer = await self._http.get(path, params=asked)
        answer.raise_for_status()
        return answer.json()["data"]
