"""`docs/openapi.json`: every HTTP address, as a gateway with the usual settings describes it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from services.gateway.access import Access
from services.gateway.app import Parts, create_app
from shared.archive.postgres import Archive
from shared.settings import GatewaySettings
from shared.streams.keys import Keys
from shared.streams.log import Log


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    nothing: Any = None  # A gateway describes itself without asking any server.
    settings = GatewaySettings(redis_url="redis://nowhere", database_url="postgresql://nowhere")
    log = Log(nothing, Keys(settings.namespace, settings.partitions))
    parts = Parts.make(log, Archive(nothing), settings, Access(None))
    return create_app(parts, compat=settings.compat).openapi()


def openapi_page() -> str:
    """Return the file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
