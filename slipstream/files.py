"""Lists as one file of CSV, however many a gateway gives them in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from slipstream.http import Http, Stream

_END = b"\r\n"


async def lines_of(
    http: Http, path: str, query: Mapping[str, str], *, to_the_end: bool
) -> AsyncGenerator[bytes, None]:
    """Yield the parts of a file: one header line, then each line of the list.

    If it is wanted `to_the_end`, all files that the gateway names are one. Raises `Unreachable`
    where one breaks off: the part that was yielded is not the whole.
    """
    stream = await http.stream(path, query)
    parts = stream.chunks()
    while True:
        try:
            async for part in parts:
                yield part
            address = stream.next
        finally:
            stream.close()
        if address is None or not to_the_end:
            return
        stream = await http.stream(address)
        parts = _without_header(stream)


async def _without_header(stream: Stream) -> AsyncGenerator[bytes, None]:
    head: bytes | None = b""
    async for part in stream.chunks():
        if head is None:
            yield part
            continue
        head += part
        if _END in head:
            yield head.partition(_END)[2]
            head = None
