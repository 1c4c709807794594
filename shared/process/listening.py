"""Sockets to listen on, and how their addresses are written."""

from __future__ import annotations

import errno
import socket

_DEAF_MS = 30_000


class CannotListen(Exception):
    """Nothing can listen there. The message says where and why."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(f"cannot listen on {authority(host, port)}: {error.strerror or error}")
        self.is_taken = error.errno == errno.EADDRINUSE
        self.reason = error.strerror or str(error)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host`, in digits or a name. Raises `CannotListen`.

    Two sockets can be bound to one port as long as none listens, so it does so from the start.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotListen(host, port, error) from error
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    # asyncio turns Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # A client that takes nothing keeps its buffers for so long and no longer.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAF_MS)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise CannotListen(host, port, error) from error
    return listener


def authority(host: str, port: int) -> str:
    """Return a host and a port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
