"""End with 0 if the service in this container is ready. The arguments are its possible ports.

A container has one service: the gateway listens on one port, the others on another. After `--rpc`
they are those of a node of Solana's JSON-RPC. It runs every few seconds in every container, so it
imports next to nothing.
"""

# ruff: noqa: INP001 - a program by itself, in no package.

import socket
import sys

_PATIENCE_S = 2.0
_REQUEST = b"GET /health/ready HTTP/1.0\r\n\r\n"
_HEALTH = b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}'
_RPC_REQUEST = (
    b"POST / HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_HEALTH), _HEALTH)
)


def ready(port: int, *, rpc: bool = False) -> bool:
    """Return whether the service at this port is ready. Raises `OSError` if none answers."""
    with socket.create_connection(("127.0.0.1", port), _PATIENCE_S) as connection:
        connection.sendall(_RPC_REQUEST if rpc else _REQUEST)
        # To the end: a server whose answer is not heard out takes that for an error.
        answer = b"".join(iter(lambda: connection.recv(4_096), b""))
    return answer.split(b" ")[1:2] == [b"200"] and (not rpc or b'"result":"ok"' in answer)


def main() -> int:
    """Return the exit code."""
    rpc = "--rpc" in sys.argv
    for port in map(int, sys.argv[2 if rpc else 1 :]):
        try:
            return 0 if ready(port, rpc=rpc) else 1
        except ConnectionRefusedError:
            continue
    return 1


if __name__ == "__main__":
    sys.exit(main())
