"""A problem as the bytes of the last answer over a connection, where no application answers."""

from __future__ import annotations

from http import HTTPStatus

from services.gateway.http.middleware import HEADERS
from services.gateway.http.problems import PROBLEM_JSON, Problem


def last_words(problem: Problem) -> bytes:
    """Return the whole answer; it says that the connection is closed behind it."""
    body = problem.document()
    headers = [
        *((name.encode(), value.encode()) for name, value in problem.headers.items()),
        *HEADERS,
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    status = HTTPStatus(problem.code.status)
    lines = [b"HTTP/1.1 %d %b" % (status, status.phrase.encode())]
    return b"\r\n".join([*lines, *(b"%b: %b" % header for header in headers), b"", body])
