"""`docs/openapi.json`: every HTTP address, as a gateway with the usual settings describes it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from psycopg_pool import AsyncConnectionPool

from services.gateway.access.callers import Access
from services.gateway.app import create_app
from services.gateway.wiring import Parts
from shared.archive.archive import Archive
from shared.archive.sessions.pool import Pool
from shared.archive.sessions.session import Session
from shared.settings import GatewaySettings
from shared.streams.log.log import Log
from shared.streams.redis.client import Client
from shared.streams.redis.keys import Keys
from shared.streams.redis.standalone import OneServer


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    settings = GatewaySettings(redis_url="redis://nowhere", database_url="postgresql://nowhere")
    # Clients connect when they are first used, and a gateway describes itself without them.
    client = Client(OneServer("redis://nowhere", timeout_s=1), timeout_s=1)
    log = Log(client, Keys(settings.namespace, settings.partitions))
    archive = Archive(Pool(AsyncConnectionPool(connection_class=Session, open=False)))
    parts = Parts.make(log, archive, settings, Access(None))
    return create_app(parts, compat=settings.compat).openapi()


def openapi_page() -> str:
    """Return the file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
