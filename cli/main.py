"""The command line: which commands there are."""

from __future__ import annotations

import typer

from cli.console import EXIT_CODES
from cli.demo.command import demo, demo_help
from cli.up import up, up_help

app = typer.Typer(
    name="slipstream",
    help="Slipstream executes crypto swap orders: never lost, never twice, never a false failed.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=up_help)(up)
app.command(epilog=demo_help)(demo)
