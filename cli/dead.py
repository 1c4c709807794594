"""`slipstream dead`: what nobody could process or store, why, and what may be done about it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import addresses, options
from cli.conflicts import (
    archive_of,
    list_conflicts,
    order_id_of,
    show_conflicts,
    show_fields,
    without_payload,
)
from cli.console import EXIT_CODES, FAILED, OK, Trouble, err, out, run
from cli.logs import log_of
from shared.clock import rfc3339
from shared.streams.log.halted_orders import release
from shared.streams.log.log import Log
from shared.streams.recovery.dead_letters import DeadLetter, dead_letter, dead_letters, replay

app = typer.Typer(
    help="Look at what nobody could process, and give it back to be tried again.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)


@app.command(name="list", epilog="Example: slipstream dead list --group executor")
def list_letters(
    *,
    group: Annotated[str | None, typer.Option(help="Only those of one service.")] = None,
    redis_url: addresses.Redis = None,
    database_url: addresses.Database = None,
    data_dir: options.OfStack = None,
) -> None:
    """List dead letters, then halted orders, oldest first: id, service, event, order, reason."""
    found = addresses.find(data_dir, redis_url=redis_url, database_url=database_url)

    async def work() -> int:
        async with log_of(found) as log:
            letters = await dead_letters(log, group)
        for letter in letters:
            words = (letter.id, letter.group, letter.type or "?", letter.order_id or "?")
            out.print("  ".join((*words, _first_line(letter.reason))), markup=False)
        err.print(f"{len(letters)} dead letters")
        if group in (None, "projector"):
            await list_conflicts(found)
        return OK

    run(work())


@app.command(epilog="Example: slipstream dead show 07/1700000000000-0")
def show(
    *,
    letter_id: Annotated[str, typer.Argument(help="A dead letter's id, or a halted order's.")],
    redis_url: addresses.Redis = None,
    database_url: addresses.Database = None,
    data_dir: options.OfStack = None,
) -> None:
    """Show everything about one dead letter, or why an order is halted."""
    found = addresses.find(data_dir, redis_url=redis_url, database_url=database_url)

    async def work() -> int:
        if order_id := order_id_of(letter_id):
            await show_conflicts(found, order_id)
            return OK
        async with log_of(found) as log:
            show_fields(_fields(await _existing(log, letter_id)))
        return OK

    run(work())


@app.command(name="replay", epilog="Example: slipstream dead replay 07/1700000000000-0")
def replay_letters(
    *,
    letter_ids: Annotated[list[str], typer.Argument(help="Which, from the list.")],
    redis_url: addresses.Redis = None,
    data_dir: options.OfStack = None,
) -> None:
    """Give dead letters back to the service that gave them up."""

    async def work() -> int:
        gone = 0
        async with log_of(addresses.find(data_dir, redis_url=redis_url)) as log:
            for letter_id in letter_ids:
                replayed = await _replay(log, letter_id)
                gone += not replayed
                out.print(f"{letter_id}  {'replayed' if replayed else 'is not there any more'}")
        return FAILED if gone else OK

    run(work())


@app.command(name="release", epilog="Example: slipstream dead release 019b796d-...")
def release_order(
    *,
    order_id: Annotated[str, typer.Argument(help="The halted order.")],
    redis_url: addresses.Redis = None,
    database_url: addresses.Database = None,
    data_dir: options.OfStack = None,
) -> None:
    """Let a halted order go on, once a person has settled what it contradicts."""
    found = addresses.find(data_dir, redis_url=redis_url, database_url=database_url)

    async def work() -> int:
        known = order_id_of(order_id)
        if known is None:
            raise Trouble(f"{order_id!r} is no order's id.")
        async with archive_of(found) as archive, log_of(found) as log:
            # The archive first: else what is delivered again would halt it anew.
            settled = await archive.settle(known)
            released = await release(log, known)
        was_halted = bool(settled or released)
        out.print(f"{known}  {'released' if was_halted else 'is not halted'}")
        return OK if was_halted else FAILED

    run(work())


async def _existing(log: Log, letter_id: str) -> DeadLetter:
    try:
        letter = await dead_letter(log, letter_id)
    except ValueError as error:
        raise Trouble(f"{error}.") from error
    if letter is None:
        raise Trouble(f"There is no dead letter {letter_id}: see `slipstream dead list`.")
    return letter


async def _replay(log: Log, letter_id: str) -> bool:
    try:
        return await replay(log, letter_id)
    except ValueError as error:
        raise Trouble(f"{error}.") from error


def _fields(letter: DeadLetter) -> dict[str, str]:
    return {
        "id": letter.id,
        "service": letter.group,
        "entry": letter.entry_id,
        "attempts": str(letter.deliveries),
        "given up": rfc3339(letter.buried_at, "seconds"),
        "reason": letter.reason,
        "order": letter.order_id or "?",
        "type": letter.type or "?",
        "event": without_payload(letter.raw),
    }


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
