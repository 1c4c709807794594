"""`slipstream keys`: let people and programs in."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cli.console import EXIT_CODES, err, out
from services.gateway.access.api_keys import BadKeys, line_for, new_key

app = typer.Typer(help="Make API keys for the gateway.", epilog=EXIT_CODES, no_args_is_help=True)

_EXAMPLE = "Example: slipstream keys new --account desk-7 --role trade >> keys.jsonl"


@app.callback()
def _group() -> None:
    """Keep `new` a word of its own, though it is the only one."""


@app.command(epilog=_EXAMPLE)
def new(
    *,
    account: Annotated[str, typer.Option(help="Whose orders: letters, digits and . _ @ -")],
    role: Annotated[
        Literal["read", "trade", "admin"],
        typer.Option(help="read looks, trade also orders, admin sees everybody's orders."),
    ] = "trade",
    name: Annotated[str, typer.Option(help="For people: what the key is for.")] = "",
) -> None:
    """Make a key. It is shown once; its line is for the file that API_KEYS_FILE names.

    The key goes to standard error and the line, which does not tell the key, to standard output.
    """
    key = new_key()
    try:
        line = line_for(key, account, role, name)
    except BadKeys as error:
        raise typer.BadParameter(str(error)) from error
    err.print(f"The key, shown this once: {key}", markup=False)
    out.print(line, markup=False)
