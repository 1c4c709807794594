"""What a server of Redis says of itself and its replicas, and how to part them."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.support.servers import Valkey


def ask(node: Valkey, *command: object) -> Any:
    """Return what one server says, raw."""
    with Redis(port=node.port, socket_timeout=60, protocol=2) as client:
        client.response_callbacks.clear()
        return client.execute_command(*command)


def facts(node: Valkey, section: str) -> dict[str, str]:
    """Return what a server's INFO says; nothing while it is away."""
    try:
        lines = ask(node, "INFO", section).decode().splitlines()
    except (RedisError, OSError):
        return {}
    return dict(line.split(":", 1) for line in lines if ":" in line)


def follows(replica: Valkey, primary: Valkey) -> bool:
    """Return whether a server follows another one, and both know."""
    said = facts(replica, "replication")
    return (
        said.get("master_port") == str(primary.port)
        and said.get("master_link_status") == "up"
        and "state=online" in facts(primary, "replication").get("slave0", "")
    )


def cut_off(replica: Valkey, primary: Valkey) -> None:
    """Let a replica hear nothing from its primary any more."""
    ask(replica, "CONFIG", "SET", "masterauth", "wrong")
    ask(primary, "CLIENT", "KILL", "TYPE", "replica")


def reconnect(replica: Valkey) -> None:
    """Undo what `cut_off` did."""
    ask(replica, "CONFIG", "SET", "masterauth", "")
