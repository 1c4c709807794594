"""Bad news of the gateway: a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct


class FieldError(Struct, frozen=True, kw_only=True, rename="camel"):
    """A mistake in one field of a request."""

    field: str
    message: str


class Problem(Struct, frozen=True, kw_only=True, rename="camel"):
    """Bad news (RFC 9457). `code` is stable."""

    title: str
    status: int
    code: str = ""
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    order_id: str | None = None

    def in_words(self) -> str:
        """Return it in one line: what is wrong, and with which fields."""
        return "; ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield self.title
        if self.detail:
            yield self.detail
        for error in self.errors:
            yield f"{error.field} {error.message}"
