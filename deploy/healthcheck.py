"""End with 0 if the service in this container is ready. The arguments are its possible ports.

A container has one service: the gateway listens on one port, the others on another. It runs every
few seconds in every container, so it imports next to nothing.
"""

# ruff: noqa: INP001 - a program by itself, in no package.

import socket
import sys

_PATIENCE_S = 2.0
_REQUEST = b"GET /health/ready HTTP/1.0\r\n\r\n"


def ready(port: int) -> bool:
    """Return whether the service at this port is ready. Raises `OSError` if none answers."""
    with socket.create_connection(("127.0.0.1", port), _PATIENCE_S) as connection:
        connection.sendall(_REQUEST)
        # To the end: a server whose answer is not heard out takes that for an error.
        answer = b"".join(iter(lambda: connection.recv(4_096), b""))
    return answer.split(b" ")[1:2] == [b"200"]


def main() -> int:
    """Return the exit code."""
    for port in map(int, sys.argv[1:]):
        try:
            return 0 if ready(port) else 1
        except ConnectionRefusedError:
            continue
    return 1


if __name__ == "__main__":
    sys.exit(main())
