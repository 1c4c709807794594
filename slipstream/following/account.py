"""Follow all orders of an account: every event once, or the newest state once a period."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from slipstream.errors import Unexpected
from slipstream.following.connection import Broken, Patience, messages
from slipstream.models import Lost

T = TypeVar("T")


class AccountFollowing(Generic[T]):
    """All that happens to an account's orders, behind a cursor: iterate over it.

    `cursor` is behind all that was handed out; a stream that begins there goes on without a gap.
    Items of one message count together: a program that ends in between gets some of them again.
    """

    def __init__(  # noqa: PLR0913 - as many things tell how to follow
        self,
        *,
        url: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        cursor: str | None,
        read: Callable[[Mapping[str, Any]], list[T]],
        patience_s: float,
        lost: Callable[[str], None],
    ) -> None:
        """Make items of each message by `read`."""
        self.cursor = cursor
        self._url = url
        self._headers = headers
        self._query = query
        self._read = read
        self._patience_s = patience_s
        self._lost = lost

    def __aiter__(self) -> AsyncIterator[T | Lost]:
        """Yield what happens, for ever. Raises `Refused`, and `Unreachable`."""
        return self.items()

    async def items(self) -> AsyncGenerator[T | Lost, None]:
        """Yield what happens, for ever; a broken connection goes on behind the last message.

        Raises `Refused` when the account cannot be followed, `Unreachable` when no gateway answers
        for too long.
        """
        patience = Patience(self._url, self._patience_s, self._lost)
        while True:
            query = {**self._query, **({"cursor": self.cursor} if self.cursor else {})}
            path = f"/api/stream?{urlencode(query)}"
            try:
                async with aclosing(messages(self._url, path, self._headers)) as said:
                    async for message in said:
                        patience.heard()
                        for item in self._items(message):
                            yield item
                        self.cursor = message.get("cursor", self.cursor)
                broken = Broken("the gateway has closed the stream")
            except Broken as error:
                broken = error
            await patience.broke(broken)

    def _items(self, message: Mapping[str, Any]) -> list[T | Lost]:
        try:
            if "lost" in message:
                return [msgspec.convert(message["lost"], Lost)]
            return [*self._read(message)]
        except msgspec.ValidationError as error:
            raise Unexpected(f"a message that is not Slipstream's: {error}") from error
