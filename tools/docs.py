"""Write the reference pages that the code can tell by itself: `python -m tools.docs`.

A test fails when one of them is stale.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.asyncapi import asyncapi_page
from tools.dashboards.overview import overview
from tools.dashboards.services import services
from tools.env_example import env_example
from tools.events_page import events_page
from tools.metrics_page import metrics_page
from tools.openapi import openapi_page
from tools.postman import postman_page

ROOT = Path(__file__).parent.parent

PAGES: dict[str, Callable[[], str]] = {
    "docs/asyncapi.json": asyncapi_page,
    "docs/events.md": events_page,
    "docs/metrics.md": metrics_page,
    "docs/openapi.json": openapi_page,
    "docs/postman.json": postman_page,
    ".env.example": env_example,
    "deploy/grafana/dashboards/overview.json": overview,
    "deploy/grafana/dashboards/services.json": services,
}


def main() -> None:
    """Write every page anew."""
    for path, make in PAGES.items():
        (ROOT / path).write_text(make())


if __name__ == "__main__":
    main()
