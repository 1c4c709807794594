"""Events that contradict the archive: shown beside the dead letters, and settled by a person."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from cli.addresses import Addresses
from cli.console import Trouble, err, out
from shared.archive.archive import Archive
from shared.archive.conflicts import Conflict
from shared.archive.errors import ArchiveUnavailable
from shared.clock import rfc3339

# Whoever has the signed bytes can send them; an entry that cannot be read is shown as it is.
_SIGNED = re.compile(rb'("payload"\s*:\s*")[^"]*')


def without_payload(event: bytes) -> str:
    """Return an event's text without signed bytes."""
    return _SIGNED.sub(rb"\1(not shown)", event).decode(errors="backslashreplace")


def order_id_of(text: str) -> str | None:
    """Return the order's id that `text` is, or None."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


@asynccontextmanager
async def archive_of(found: Addresses) -> AsyncIterator[Archive]:
    """Yield the archive. Raises `Trouble` when it is not known where that is."""
    try:
        archive = await Archive.open(found.database())
    except ValueError as error:
        raise Trouble(f"{error}.") from error
    try:
        yield archive
    finally:
        await archive.close()


async def list_conflicts(found: Addresses) -> None:
    """Print a line for each conflict, if it is known where the archive is."""
    if found.database_url is None:
        return
    try:
        async with archive_of(found) as archive:
            conflicts = await archive.conflicts()
    except ArchiveUnavailable as error:
        err.print(f"halted orders were not looked for: {error}", markup=False)
        return
    for conflict in conflicts:
        out.print(_line(conflict), markup=False)
    err.print(f"{len({conflict.order_id for conflict in conflicts})} halted orders")


async def show_conflicts(found: Addresses, order_id: str) -> None:
    """Print everything about the conflicts of an order. Raises `Trouble` when there are none."""
    async with archive_of(found) as archive:
        conflicts = [one for one in await archive.conflicts() if one.order_id == order_id]
    if not conflicts:
        raise Trouble(f"The order {order_id} is not halted: see `slipstream dead list`.")
    for conflict in conflicts:
        show_fields(_fields(conflict))


def show_fields(fields: dict[str, str]) -> None:
    """Print one field a line."""
    for name, value in fields.items():
        out.print(f"{name:<12}{value}", markup=False)


def _line(conflict: Conflict) -> str:
    why = f"halted: the archive has another version {conflict.version}"
    place = f"{conflict.partition:02}/{conflict.entry}"
    return f"{place}  projector  {conflict.type}  {conflict.order_id}  {why}"


def _fields(conflict: Conflict) -> dict[str, str]:
    return {
        "order": conflict.order_id,
        "version": str(conflict.version),
        "found": rfc3339(conflict.found_at, "seconds"),
        "entry": f"{conflict.partition:02}/{conflict.entry}",
        "refused": without_payload(conflict.event.encode()),
        "archived": without_payload(conflict.kept_event.encode()),
    }
